"""Helpers for reading the configs of all families: activations, defaults, refusals.

A config.json may lack any field; transformers then uses the default of the model's family. Here, a
family gives that default where it reads the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError
from ..json_fields import Fields
from ..visible import quoted

# transformers' names -> ours. Names on one line differ in their last digits at most.
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
    """Return our name of the activation that a field names in transformers' spelling.

    Args:
        fields: of config.json.
        key: the field's name.
        default: the name if the config has none. None: the config must have one.
        gated: whether the activation is the gate of a feed-forward layer.

    Raises:
        ConfigError: the activation is not supported.
    """
    name = default if default is not None and not fields.has(key) else fields.text(key)
    return our_activation(name, key, fields, gated=gated)


def our_activation(name: str, key: str, fields: Fields, *, gated: bool = False) -> str:
    """Return our name of the activation called ``name`` in transformers; see `activation`."""
    if name not in ACTIVATIONS:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(name)}, which is not computed here. "
            f"The activations are: {', '.join(ACTIVATIONS)}."
        )
    return _GATED[ACTIVATIONS[name]] if gated else ACTIVATIONS[name]


def flag(fields: Fields, key: str, default: bool) -> bool:
    """Return true or false, or the default if the config does not say."""
    return fields.flag(key) if fields.has(key) else default


def number(fields: Fields, key: str, default: float) -> float:
    """Return a number, or the default if the config does not say."""
    return fields.number(key) if fields.has(key) else default


def size(fields: Fields, key: str, default: int | None = None, *, alias: str | None = None) -> int:
    """Return a whole number of at least 1.

    Args:
        fields: of config.json.
        key: the field's name.
        default: the value if the field is absent; null is refused. None: it must be there.
        alias: another name that transformers accepts for the field.

    Raises:
        ConfigError: both names are present with different values.
        FileProblem: the value is not such a number.
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
    """Return a token id; the first one if the config lists several (several end tokens).

    Args:
        fields: of config.json.
        key: the field's name.
        default: the id if the config does not say.

    Raises:
        ConfigError: the list is empty.
        FileProblem: the id is negative, or not a whole number.
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
    """Raise an error if a field has a value that is not supported.

    Args:
        fields: of config.json.
        key: the field's name; an absent field or null is accepted.
        reason: what is supported, as half a sentence.
        unless: the accepted values.
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
        keys: the fields that would say so, such as ``pruned_heads``, the heads that were removed.

    Raises:
        ConfigError: one of them has a value.
    """
    for key in keys:
        refuse(
            fields,
            key,
            reason="all layers of a stack are read with the same sizes",
            remedy="Load the model as it was before they were changed.",
        )
