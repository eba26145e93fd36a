"""Rotary positions, as the files of transformers 4 and of transformers 5 spell them.

Version 4 has ``rope_theta`` and, where frequencies are scaled, ``rope_scaling``; version 5 has both
in ``rope_parameters``. Of a file that has all, transformers reads ``rope_scaling`` first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...config_parts import RotaryConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted

_DEFAULT_BASE = 10000.0
_LARGEST_BASE = 1e100  # far above any; its square is a number still


class Rotary(NamedTuple):
    """What a file says of rotary positions.

    Attributes:
        base: the base of the frequencies.
        config: what they are beside it.
    """

    base: float
    config: RotaryConfig

    def settings(self) -> dict[str, Any]:
        """Return both by the names of `clearhead.config.TransformerConfig`."""
        return {"rotary_base": self.base, "rotary": self.config}


def read_rotary(fields: Fields) -> Rotary:
    """Read the rotary positions of a model whose layers all have the same.

    Raises:
        ConfigError: they are scaled in a way that is not computed here.
    """
    parameters = rotary_fields(fields)
    rotary = scaled(parameters, fields, base=_number(fields, "rope_theta", _DEFAULT_BASE))
    share = _number(fields, "partial_rotary_factor", 1.0)
    share = _number(parameters, "partial_rotary_factor", share)
    # Of frequencies that are not scaled, transformers ignores it.
    if rotary.config.scaling != "none" and share != 1:
        raise ConfigError(
            f"'partial_rotary_factor' of {fields.name} is {share}; this family rotates whole heads."
        )
    return rotary


def rotary_fields(fields: Fields) -> Fields:
    """Return the object of a config.json that holds the settings of rotary positions, or none."""
    for key in ("rope_scaling", "rope_parameters"):
        if fields.has(key) and fields.mapping(key):
            return fields.object(key)
    return Fields({}, f"'rope_parameters' of {fields.name}")


def scaled(parameters: Fields, fields: Fields, *, base: float) -> Rotary:
    """Read one object of rotary settings.

    Args:
        parameters: the object.
        fields: of the whole config.json.
        base: of the frequencies, where the object has none.

    Raises:
        ConfigError: the frequencies are scaled in a way that is not computed here.
    """
    base = _number(parameters, "rope_theta", base)
    if not 0 < base < _LARGEST_BASE:
        raise ConfigError(
            f"'rope_theta', the base of the rotary frequencies in {fields.name}, must be above 0 "
            f"and below {_LARGEST_BASE:g}; it is {base}."
        )
    kind = next((parameters.text(key) for key in ("rope_type", "type") if parameters.has(key)), "")
    if kind in ("", "default"):
        if any(isinstance(value, dict) for value in parameters.members().values()):
            raise ConfigError(
                f"{parameters.name} has an object for each type of layer; this family has one set "
                f"of rotary positions for all layers."
            )
        return Rotary(base, RotaryConfig())
    if kind == "linear":
        factor = parameters.number("factor")
        return Rotary(base, RotaryConfig(scaling="linear", factor=factor))
    if kind == "llama3":
        return Rotary(base, _llama3(parameters, fields))
    raise ConfigError(
        f"'rope_type' of {parameters.name} is {quoted(kind)}, which is not computed here. The "
        f"types are: default, linear, llama3."
    )


def _llama3(parameters: Fields, fields: Fields) -> RotaryConfig:
    # As transformers looks for it: beside the settings, in them, and else the longest text.
    key = "original_max_position_embeddings"
    place = next((place for place in (fields, parameters) if place.has(key)), None)
    length = (
        fields.integer("max_position_embeddings", least=1)
        if place is None
        else place.integer(key, least=1)
    )
    return RotaryConfig(
        scaling="llama3",
        factor=parameters.number("factor"),
        low_frequency_factor=parameters.number("low_freq_factor"),
        high_frequency_factor=parameters.number("high_freq_factor"),
        original_length=length,
    )


def _number(fields: Fields, key: str, default: float) -> float:
    return fields.number(key) if fields.has(key) else default
