"""Which modules of a model an edit is of: by name, or by pattern."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase

from torch import nn

from ..errors import ConfigError


def matching_modules(model: nn.Module, choice: str) -> dict[str, nn.Module]:
    """Return the modules that a name or a pattern stands for.

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
