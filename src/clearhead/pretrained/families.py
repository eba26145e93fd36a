"""The supported families of models, and the choice of one by config.json."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ..errors import CheckpointError
from ..visible import quoted
from . import decoders, encoder_decoders, encoders
from .family import Family

_ROOMS = (encoder_decoders, decoders, encoders)


@cache
def families() -> tuple[Family, ...]:
    """Return all families, ordered by folder and file.

    Each module of the three folders whose name has no leading underscore defines one `Family`,
    under the module's name in capitals: ``decoders/gpt2.py`` defines ``GPT2``.
    """
    return tuple(
        getattr(importlib.import_module(f"{room.__name__}.{name}"), name.upper())
        for room in _ROOMS
        for name in sorted(module.name for module in pkgutil.iter_modules(room.__path__))
        if not name.startswith("_")
    )


def family_of(model_type: str, *, own_code: bool = False) -> Family:
    """Return the family of a ``model_type`` in config.json.

    Args:
        model_type: such as ``"gpt2"``.
        own_code: whether config.json refers to Python code that comes with the model.

    Raises:
        CheckpointError: no family has this type; the message lists the supported families.
    """
    for family in families():
        if model_type in family.model_types:
            return family
    if own_code:
        raise CheckpointError(
            f"Models of the type {quoted(model_type)} come with Python code of their own "
            f'("auto_map", trust_remote_code), which is never run here. Only families of '
            f"transformers itself are read."
        )
    names = "; ".join(f"{family.name} ({', '.join(family.model_types)})" for family in families())
    raise CheckpointError(
        f"Models of the type {quoted(model_type)} are not read here. These families are, with "
        f'the "model_type" of their config.json: {names}.'
    )
