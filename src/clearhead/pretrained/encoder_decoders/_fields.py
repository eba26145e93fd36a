"""How the configs of models with encoder and decoder are read: field by field, none of them twice.

A field that a config leaves out has the default of transformers' own config class. A field that
has two names (``num_hidden_layers`` and ``encoder_layers``) must say the same under both.
"""

from __future__ import annotations

from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted

# transformers' names -> ours. Those of one line differ in their last digits at most.
_ACTIVATIONS = {
    **dict.fromkeys(("relu",), "relu"),
    **dict.fromkeys(("gelu", "gelu_python"), "gelu"),
    **dict.fromkeys(
        ("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"),
        "gelu_tanh",
    ),
    **dict.fromkeys(("silu", "swish"), "silu"),
}
GATED = {"relu": "reglu", "gelu": "geglu", "gelu_tanh": "geglu_tanh", "silu": "swiglu"}
"""The gated form of each activation."""


def activation(name: str, key: str, fields: Fields) -> str:
    """Return our name of an activation of transformers.

    Args:
        name: as transformers calls it.
        key: the field that says so.
        fields: of config.json, for the message.

    Raises:
        ConfigError: it is none of those that are computed here.
    """
    if name not in _ACTIVATIONS:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(name)}; the activations that are read are "
            f"{', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]


def size(fields: Fields, key: str, default: int, *, alias: str | None = None) -> int:
    """Return a whole number of at least 1.

    Args:
        fields: of config.json.
        key: its name.
        default: what it is where the config does not say.
        alias: another name that transformers knows it by.

    Raises:
        ConfigError: both names are there and contradict each other.
        FileProblem: it is no such number.
    """
    names = [name for name in (key, alias) if name and name in fields.names()]
    values = [fields.integer(name, least=1) for name in names]
    if len(set(values)) > 1:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {values[0]} and {quoted(alias)}, another name for "
            f"the same, is {values[1]}. Correct the one that is wrong."
        )
    return values[0] if values else default


def flag(fields: Fields, key: str, default: bool) -> bool:
    """Return true or false, or the default where the config says nothing."""
    return fields.flag(key) if fields.has(key) else default


def number(fields: Fields, key: str, default: float) -> float:
    """Return a number, or the default where the config says nothing."""
    return fields.number(key) if fields.has(key) else default


def token(fields: Fields, key: str, default: int) -> int:
    """Return a token id, the first where the config lists several (several ends of a text).

    Raises:
        FileProblem: it is null, negative, or no whole number.
    """
    if key not in fields.names():
        return default
    if not isinstance(fields.value(key), list):
        return fields.integer(key, least=0)
    ids = fields.integers(key)
    if not ids:
        raise ConfigError(f"{quoted(key)} of {fields.name} is a list without a token.")
    return ids[0]


def refuse_other_models(fields: Fields, family: str) -> None:
    """Refuse what makes another model of an encoder and a decoder.

    Raises:
        ConfigError: one of the two is missing, or heads were cut off, or layers differ.
    """
    if not flag(fields, "is_encoder_decoder", True) or flag(fields, "is_decoder", False):
        key = "is_decoder" if flag(fields, "is_decoder", False) else "is_encoder_decoder"
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {str(fields.flag(key)).lower()}: this is one half "
            f"of a {family}, and {family} is read with its encoder and its decoder. "
            f"Save the whole model."
        )
    for key in ("pruned_heads", "per_layer_config"):
        if fields.has(key) and fields.value(key):
            raise ConfigError(
                f"{quoted(key)} of {fields.name} gives layers different sizes, and layers of one "
                f"stack are read with the same. Load the model as it was before."
            )


def require(fields: Fields, family: str, settings: dict[str, bool | int]) -> None:
    """Refuse a config of old that contradicts what a family is.

    Fields such as ``normalize_before`` come from the time when one class computed several
    families; today each family has its own value, and transformers no longer reads them.

    Args:
        fields: of config.json.
        family: its name, for the message.
        settings: what each of such fields is in this family, where it is there at all.

    Raises:
        ConfigError: a field has another value.
    """
    for key, value in settings.items():
        if fields.has(key) and fields.value(key) != value:
            raise ConfigError(
                f"{quoted(key)} of {fields.name} is {quoted(fields.value(key))}, and a {family} "
                f"has {quoted(value)}: these weights are of another family of models. "
                f"Is its model_type right?"
            )
