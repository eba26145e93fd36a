"""What the configs of models with encoder and decoder share: tokens, and what is refused."""

from __future__ import annotations

from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted
from ..config_fields import flag, refuse, refuse_uneven_layers, token


def stated_token(fields: Fields, key: str, default: int) -> int:
    """Return a token id as `token` does, of a field that may be absent, but not null.

    Raises:
        FileProblem: it is null: without padding and an end, no target can be written.
    """
    if key in fields.names() and not fields.has(key):
        return fields.integer(key)
    return token(fields, key, default)


def refuse_other_models(fields: Fields, family: str) -> None:
    """Refuse what makes another model of an encoder and a decoder.

    Raises:
        ConfigError: one of the two is missing, or heads were cut off, or layers differ.
    """
    for key, usual in (("is_decoder", False), ("is_encoder_decoder", True)):
        if flag(fields, key, usual) != usual:
            refuse(
                fields,
                key,
                unless=(usual,),
                reason=f"{family} is read with its encoder and its decoder, and this is one half",
                remedy="Save the whole model.",
            )
    refuse_uneven_layers(fields, "pruned_heads", "per_layer_config")


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
