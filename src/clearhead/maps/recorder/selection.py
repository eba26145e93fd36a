"""Which attending modules of a model are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from torch import nn

from ...errors import ConfigError

Layers = str | int | Iterable[str | int] | None


class Selection:
    """The modules that ``record(model, layers)`` asks for.

    Raises:
        ConfigError: a name or pattern fits no module, or a number is negative.
    """

    def __init__(self, model: nn.Module, layers: Layers) -> None:
        self._all = layers is None
        choices = [layers] if isinstance(layers, str | int) else list(layers or ())
        self._numbers = {choice for choice in choices if isinstance(choice, int)}
        self._patterns = [choice for choice in choices if isinstance(choice, str)]
        self._order: dict[str, int] = {}
        names = [name for name, _ in model.named_modules()] if self._patterns else []
        for pattern in self._patterns:
            if not any(_fits(name, pattern) for name in names):
                raise ConfigError(
                    f"layers={pattern!r} fits no module of {type(model).__name__}. Its modules "
                    f"are named {', '.join(map(repr, names[1:6]))}, ...; patterns may have *."
                )
        if any(number < 0 for number in self._numbers):
            raise ConfigError(
                "layers numbers attending modules from 0 in the order of their first calls, so "
                f"none can be counted from the end; got {sorted(self._numbers)}."
            )

    def includes(self, name: str) -> bool:
        """Return whether an attending module is recorded.

        A module gets the next number on its first lookup, so every attending module must be looked
        up, in the order of first calls.
        """
        number = self._order.setdefault(name, len(self._order))
        return (
            self._all
            or number in self._numbers
            or any(_fits(name, pattern) for pattern in self._patterns)
        )


def _fits(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern, or is within the module that it names."""
    return name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)


def matching_modules(model: nn.Module, choice: str) -> dict[str, nn.Module]:
    """Return the modules that a name or a pattern stands for, by name.

    Args:
        model: the model.
        choice: a module's name, or a pattern with asterisks such as ``"*.self_attn"``.

    Raises:
        ConfigError: no module has such a name.
    """
    modules = dict(model.named_modules())
    if choice in modules:
        return {choice: modules[choice]}
    matches = {name: module for name, module in modules.items() if fnmatchcase(name, choice)}
    if matches:
        return matches
    names = [name for name in modules if name]
    close = get_close_matches(choice, names, n=3, cutoff=0.4)
    hint = (
        f"Did you mean {' or '.join(map(repr, close))}?"
        if close
        else f"Its modules are named {', '.join(map(repr, names[:5]))}, ..."
    )
    raise ConfigError(f"{type(model).__name__} has no module {choice!r}. {hint}")
