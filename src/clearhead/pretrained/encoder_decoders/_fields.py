"""Helpers for the configs of models with encoder and decoder: tokens, and refusals."""

from __future__ import annotations

from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted
from ..config_fields import flag, refuse, refuse_uneven_layers, token


def stated_token(fields: Fields, key: str, default: int) -> int:
    """Return a token id as `token` does; the field may be absent, but not null.

    Raises:
        FileProblem: it is null; without padding and an end token, no target can be generated.
    """
    if key in fields.names() and not fields.has(key):
        return fields.integer(key)
    return token(fields, key, default)


def refuse_other_models(fields: Fields, family: str) -> None:
    """Refuse settings that change the architecture of an encoder-decoder model.

    Raises:
        ConfigError: encoder or decoder is missing, heads were removed, or layers differ in size.
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
    """Refuse an old config that contradicts its family.

    Fields such as ``normalize_before`` come from the time when one class computed several
    families. Today each family has a fixed value, and transformers no longer reads them.

    Args:
        fields: of config.json.
        family: the family's name, for the message.
        settings: the value that each such field must have if it is present.

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
