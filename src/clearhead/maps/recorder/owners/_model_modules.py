"""The modules of a model by name, and which modules do not belong to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


class ModuleNames(dict[int, str]):
    """The names of a model's modules by their ids.

    Modules are kept alive, so that none of the ids can become another's. A module that is
    registered later is added when looked up.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model
        self._alive: list[nn.Module] = []
        self._strangers: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
        self._add_new_modules()

    def _add_new_modules(self) -> None:
        for name, module in self._model.named_modules():
            if id(module) not in self:
                self[id(module)] = name
                self._alive.append(module)

    @property
    def modules(self) -> list[tuple[str, nn.Module]]:
        """The modules and their names, as ``named_modules`` has them."""
        return [(self[id(module)], module) for module in self._alive]

    def is_stranger(self, module: nn.Module) -> bool:
        """Return whether neither a module nor its parameters belong to the model.

        A module without parameters that is made on the fly, ``nn.Softmax(-1)(scores)``, is a
        step of the module that calls it; one that shares its parameters with the model, as a copy
        or a wrapper does, is the model's too.
        """
        if id(module) in self:
            return False
        stranger = self._strangers.get(module)
        if stranger is None:
            parameters = [_storage(p) for p in module.parameters()]
            if not parameters:
                return False
            self._add_new_modules()
            own = {_storage(p) for p in self._model.parameters()}
            stranger = self._strangers[module] = not own.issuperset(parameters)
        return stranger and id(module) not in self


def is_stranger(module: nn.Module, names: Mapping[int, str]) -> bool:
    """Return `ModuleNames.is_stranger`, or as much of it as a mapping of names can tell."""
    if isinstance(names, ModuleNames):
        return names.is_stranger(module)
    return id(module) not in names and next(module.parameters(), None) is not None


def _storage(parameter: Tensor) -> int:
    try:
        return parameter.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):  # a wrapper without parameters of its own
        return id(parameter)


def code_of(owner: type, name: str) -> CodeType | None:
    """Return the code of a class's method below its decorators."""
    method = getattr(owner, name, None)
    code = getattr(method, "__code__", None)
    inner = getattr(method, "__dict__", {}).get("__wrapped__")
    return code if inner is None else _innermost_code(inner)


@lru_cache(maxsize=256)
def _innermost_code(function: Callable[..., object]) -> CodeType | None:
    """Return the code below all decorators of a function."""
    return getattr(inspect.unwrap(function), "__code__", None)


def forward_names(module: nn.Module) -> tuple[str, ...]:
    """Return the names of the arguments that a module's forward takes by position."""
    if isinstance(module, torch.jit.ScriptModule):
        schema = getattr(getattr(module, "forward", None), "schema", None)
        return () if schema is None else tuple(one.name for one in schema.arguments[1:])
    code = code_of(type(module), "forward")
    return () if code is None else code.co_varnames[1 : code.co_argcount]
