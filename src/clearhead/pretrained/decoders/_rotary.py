"""Reads the settings of rotary positions, as transformers 4 and transformers 5 spell them.

Version 4 has ``rope_theta`` and, for scaled frequencies, ``rope_scaling``; version 5 has both in
``rope_parameters``. If a file has all of them, transformers reads ``rope_scaling`` first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...config_parts import RotaryConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted
from ..config_fields import number

_DEFAULT_BASE = 10000.0
_LARGEST_BASE = 1e100  # far above any real one; its square is still finite


class Rotary(NamedTuple):
    """The settings of rotary positions in a file.

    Attributes:
        base: the base of the frequencies.
        config: the other settings.
    """

    base: float
    config: RotaryConfig

    def settings(self) -> dict[str, Any]:
        """Return both under the names of `clearhead.config.TransformerConfig`."""
        return {"rotary_base": self.base, "rotary": self.config}


def read_rotary(fields: Fields) -> Rotary:
    """Read the settings of rotary positions of a model whose layers all have the same ones.

    Raises:
        ConfigError: they are scaled in a way that is not supported.
    """
    parameters = rotary_fields(fields)
    rotary = scaled(parameters, fields, base=number(fields, "rope_theta", _DEFAULT_BASE))
    share = number(fields, "partial_rotary_factor", 1.0)
    share = number(parameters, "partial_rotary_factor", share)
    # transformers ignores the share if frequencies are not scaled.
    if rotary.config.scaling != "none" and share != 1:
        raise ConfigError(
            f"'partial_rotary_factor' of {fields.name} is {share}; this family rotates whole heads."
        )
    return rotary


def rotary_fields(fields: Fields) -> Fields:
    """Return the object of a config.json with the settings of rotary positions, or an empty one."""
    for key in ("rope_scaling", "rope_parameters"):
        if fields.has(key) and fields.mapping(key):
            return fields.object(key)
    return Fields({}, f"'rope_parameters' of {fields.name}")


def scaled(parameters: Fields, fields: Fields, *, base: float) -> Rotary:
    """Read one object with rotary settings.

    Args:
        parameters: the object.
        fields: of the whole config.json.
        base: of the frequencies, if the object has none.

    Raises:
        ConfigError: the frequencies are scaled in a way that is not supported.
    """
    base = number(parameters, "rope_theta", base)
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
    # As transformers looks for it: beside the settings, then in them, else the longest text.
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
