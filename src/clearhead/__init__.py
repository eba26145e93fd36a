"""Transformers you can see through.

The public names, each loaded when it is first used, so that ``import clearhead`` costs next to
nothing and needs neither PyTorch nor NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import maps, nn, reference
    from .config import TransformerConfig
    from .errors import (
        CheckpointError,
        ClearheadError,
        ConfigError,
        CorpusError,
        MissingExtraError,
        ShapeError,
        TextError,
        TraceError,
        TrainingError,
    )
    from .explorer import explore
    from .interventions.intervene import intervene
    from .maps.attention_map import AttentionMap
    from .maps.recorder.record import record
    from .maps.recording.reading import load_recording
    from .maps.recording.recording import Recording
    from .reference.tracing.trace import Trace
    from .tasks.loading import load
    from .tasks.model import Model
    from .translation.translate import translate
    from .translation.translation import Translation
    from .translation.translator import Translator
    from .translation.walkthrough import trace

# Public name -> the module that defines it; a name that is itself a module maps to itself.
_HOMES = {
    "AttentionMap": "clearhead.maps.attention_map",
    "CheckpointError": "clearhead.errors",
    "ClearheadError": "clearhead.errors",
    "ConfigError": "clearhead.errors",
    "CorpusError": "clearhead.errors",
    "MissingExtraError": "clearhead.errors",
    "ShapeError": "clearhead.errors",
    "TextError": "clearhead.errors",
    "Trace": "clearhead.reference.tracing.trace",
    "TraceError": "clearhead.errors",
    "TrainingError": "clearhead.errors",
    "Recording": "clearhead.maps.recording.recording",
    "TransformerConfig": "clearhead.config",
    "Translation": "clearhead.translation.translation",
    "Translator": "clearhead.translation.translator",
    "nn": "clearhead.nn",
    "load": "clearhead.tasks.loading",
    "Model": "clearhead.tasks.model",
    "load_recording": "clearhead.maps.recording.reading",
    "maps": "clearhead.maps",
    "explore": "clearhead.explorer",
    "intervene": "clearhead.interventions.intervene",
    "record": "clearhead.maps.recorder.record",
    "reference": "clearhead.reference",
    "trace": "clearhead.translation.walkthrough",
    "translate": "clearhead.translation.translate",
}

_NEED_TORCH = ("clearhead.maps", "clearhead.nn")

__all__ = [  # noqa: RUF022 - the errors after what people come for
    "AttentionMap",
    "Model",
    "Recording",
    "Trace",
    "TransformerConfig",
    "Translation",
    "Translator",
    "__version__",
    "explore",
    "intervene",
    "load",
    "load_recording",
    "maps",
    "nn",
    "record",
    "reference",
    "trace",
    "translate",
    "CheckpointError",
    "ClearheadError",
    "ConfigError",
    "CorpusError",
    "MissingExtraError",
    "ShapeError",
    "TextError",
    "TraceError",
    "TrainingError",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'clearhead' has no attribute {name!r}")
    if home.startswith(_NEED_TORCH):
        from .errors import require

        require("torch", extra="torch", purpose=f"clearhead.{name}")
    module = importlib.import_module(home)
    value = module if home == f"clearhead.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
