"""What the configs of all families are read with: activations, values with defaults, refusals.

A config.json may lack any field, and transformers then takes the default of the model's family. A
family gives that default where it reads the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError
from ..json_fields import Fields
from ..visible import quoted

# transformers' names -> ours. Those of one line differ in their last digits at most.
ACTIVATIONS = {
    "relu": "relu",
    **dict.fromkeys(("gelu", "gelu_python"), "gelu"),
    **dict.fromkeys(
        ("gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"),
        "gelu_tanh",
    ),
    **dict.fromkeys(("silu", "swish"), "silu"),
}
_GATED = {"relu": "reglu", "gelu": "geglu", "gelu_tanh": "geglu_tanh", "silu": "swiglu"}


def activation(fields: Fields, key: str, *, default: str | None = None, gated: bool = False) -> str:
    """Return our name of the activation that a field names as transformers does.

    Args:
        fields: of config.json.
        key: the field's name.
        default: the name where the config says nothing. None: it must say one.
        gated: whether it is the gate of a feed-forward layer.

    Raises:
        ConfigError: it is none that is computed here.
    """
    name = default if default is not None and not fields.has(key) else fields.text(key)
    return our_activation(name, key, fields, gated=gated)


def our_activation(name: str, key: str, fields: Fields, *, gated: bool = False) -> str:
    """Return our name of an activation that transformers calls ``name``; see `activation`."""
    if name not in ACTIVATIONS:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(name)}, which is not computed here. "
            f"The activations are: {', '.join(ACTIVATIONS)}."
        )
    return _GATED[ACTIVATIONS[name]] if gated else ACTIVATIONS[name]


def flag(fields: Fields, key: str, default: bool) -> bool:
    """Return true or false, or the default where the config says nothing."""
    return fields.flag(key) if fields.has(key) else default


def number(fields: Fields, key: str, default: float) -> float:
    """Return a number, or the default where the config says nothing."""
    return fields.number(key) if fields.has(key) else default


def size(fields: Fields, key: str, default: int | None = None, *, alias: str | None = None) -> int:
    """Return a whole number of at least 1.

    Args:
        fields: of config.json.
        key: its name.
        default: what it is where the field is absent; null is no size. None: it must be there.
        alias: another name that transformers knows it by.

    Raises:
        ConfigError: both names are there and contradict each other.
        FileProblem: it is no such number.
    """
    names = [name for name in (key, alias) if name and name in fields.names()]
    if not names and default is not None:
        return default
    values = [fields.integer(name, least=1) for name in names or [key]]
    if len(set(values)) > 1:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {values[0]} and {quoted(alias)}, another name for "
            f"the same, is {values[1]}. Correct the one that is wrong."
        )
    return values[0]


def token(fields: Fields, key: str, default: int) -> int:
    """Return a token id, the first where the config lists several (several ends of a text).

    Args:
        fields: of config.json.
        key: its name.
        default: the id where the config says nothing.

    Raises:
        ConfigError: the list is empty.
        FileProblem: it is negative, or no whole number.
    """
    if not fields.has(key):
        return default
    if not isinstance(fields.value(key), list):
        return fields.integer(key, least=0)
    ids = fields.integers(key)
    if not ids:
        raise ConfigError(f"{quoted(key)} of {fields.name} is a list without a token.")
    return ids[0]


def refuse(
    fields: Fields,
    key: str,
    *,
    reason: str,
    unless: Sequence[Any] = (False, {}, []),
    remedy: str = "Such a model cannot be read.",
) -> None:
    """Raise an error if a field has a value that is not computed here.

    Args:
        fields: of config.json.
        key: of the field; one that is absent or null is fine.
        reason: what is computed, as half a sentence.
        unless: the values that are fine.
        remedy: what to do, as a sentence.

    Raises:
        ConfigError: the field has another value.
    """
    if not fields.has(key):
        return
    value = fields.value(key)
    if any(type(value) is type(one) and value == one for one in unless):
        return
    spelling = str(value).lower() if isinstance(value, bool) else quoted(value)
    raise ConfigError(
        f"{quoted(key)} of {fields.name} is {spelling}, which is not computed here: {reason}. "
        f"{remedy}"
    )


def refuse_uneven_layers(fields: Fields, *keys: str) -> None:
    """Refuse a model whose layers have different sizes.

    Args:
        fields: of config.json.
        keys: the fields that say so, such as ``pruned_heads``, the heads that were cut off.

    Raises:
        ConfigError: one of them says something.
    """
    for key in keys:
        refuse(
            fields,
            key,
            reason="all layers of a stack are read with the same sizes",
            remedy="Load the model as it was before they were changed.",
        )
