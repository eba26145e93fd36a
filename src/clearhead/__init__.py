"""Transformers you can see through.

The public names are listed here. Each is loaded when it is first used, so ``import clearhead`` is
fast and needs neither PyTorch nor NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import batch, maps, nn, reference
    from .attribution.copying import copying_scores
    from .attribution.inputs import attribute_inputs
    from .attribution.logit_attribution import attribute_logit
    from .attribution.logit_lens import logit_lens
    from .attribution.patching.edges import attribute_edges
    from .attribution.patching.heads import attribute_heads
    from .attribution.patching.nodes import attribute_nodes
    from .attribution.target import Target
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
    from .sweeps.path_runs import Receiver
    from .sweeps.result import Sweep
    from .sweeps.sweep import sweep
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
    "Target": "clearhead.attribution.target",
    "batch": "clearhead.batch",
    "attribute_edges": "clearhead.attribution.patching.edges",
    "attribute_heads": "clearhead.attribution.patching.heads",
    "attribute_inputs": "clearhead.attribution.inputs",
    "attribute_logit": "clearhead.attribution.logit_attribution",
    "attribute_nodes": "clearhead.attribution.patching.nodes",
    "copying_scores": "clearhead.attribution.copying",
    "logit_lens": "clearhead.attribution.logit_lens",
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
    "Receiver": "clearhead.sweeps.path_runs",
    "Sweep": "clearhead.sweeps.result",
    "reference": "clearhead.reference",
    "sweep": "clearhead.sweeps.sweep",
    "trace": "clearhead.translation.walkthrough",
    "translate": "clearhead.translation.translate",
}

_NEED_TORCH = ("clearhead.attribution", "clearhead.maps", "clearhead.nn", "clearhead.sweeps")

__all__ = [  # noqa: RUF022 - the errors after what people come for
    "AttentionMap",
    "Model",
    "Receiver",
    "Recording",
    "Sweep",
    "Target",
    "Trace",
    "TransformerConfig",
    "Translation",
    "Translator",
    "__version__",
    "attribute_edges",
    "attribute_heads",
    "attribute_inputs",
    "attribute_logit",
    "attribute_nodes",
    "batch",
    "copying_scores",
    "explore",
    "intervene",
    "load",
    "load_recording",
    "logit_lens",
    "maps",
    "nn",
    "record",
    "reference",
    "sweep",
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
