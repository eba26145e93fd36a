"""Reading plain values one by one: each is what it must be, or an error says what it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError

_HIGHEST = 2**31 - 1


class Reader:
    """Reads the parameters of one question, one by one.

    Args:
        what: of what they are, for the words of errors.
        params: the parameters.
        known: their names.

    Raises:
        ConfigError: there is another, or they are no object.
    """

    def __init__(self, what: str, params: Any, known: Sequence[str]) -> None:
        if not isinstance(params, Mapping):
            raise ConfigError(f"{what} takes an object of named values; it is {shown(params)}.")
        unknown = sorted(str(name) for name in params if name not in known)
        if unknown:
            takes = f"takes {', '.join(known)}" if known else "takes none"
            raise ConfigError(f"Unknown {', '.join(map(shown, unknown))}: {what} {takes}.")
        self.what, self.params = what, params

    def __contains__(self, name: str) -> bool:
        return self.params.get(name) is not None

    def value(self, name: str) -> Any:
        """Whatever came; ConfigError if nothing did."""
        if name not in self:
            raise ConfigError(f"{self.what} needs {name}; it is missing.")
        return self.params[name]

    def text(self, name: str) -> str:
        """A string."""
        value = self.value(name)
        if not isinstance(value, str):
            raise ConfigError(f"{self.what}: {name} must be a text; it is {shown(value)}.")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """One of several strings."""
        value = self.value(name)
        if not isinstance(value, str) or value not in choices:
            raise ConfigError(
                f"{self.what}: {name} must be one of {', '.join(choices)}; it is {shown(value)}."
            )
        return value

    def whole(
        self, name: str, default: int | None = None, *, least: int = 0, most: int = _HIGHEST
    ) -> int:
        """A whole number in a range; ``default`` where none came, if there is one."""
        if name not in self and default is not None:
            return default
        value = self.value(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JavaScript does not tell 3 from 3.0
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            upper = f"between {least} and {most}" if most < _HIGHEST else f"{least} or more"
            raise ConfigError(
                f"{self.what}: {name} must be a whole number {upper}; it is {shown(value)}."
            )
        return value

    def number(self, name: str, *, least: float, most: float) -> float:
        """A finite number in a range."""
        value = self.value(name)
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not math.isfinite(value)
            or not least <= value <= most
        ):
            raise ConfigError(
                f"{self.what}: {name} must be a number between {least:g} and {most:g}; "
                f"it is {shown(value)}."
            )
        return float(value)

    def truth(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.params.get(name, default)
        if not isinstance(value, bool):
            raise ConfigError(f"{self.what}: {name} must be true or false; it is {shown(value)}.")
        return value

    def listed(self, name: str, most: int) -> list[Any]:
        """A list; empty where none came."""
        value = self.params.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple) or len(value) > most:
            came = f"it has {len(value)}" if isinstance(value, list | tuple) else shown(value)
            raise ConfigError(f"{self.what}: {name} must be a list of at most {most}; {came}.")
        return list(value)


def shown(value: Any) -> str:
    """A value in the words of an error: short, whatever it is."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
