"""The state of a thread: the active edits, and the running calls of edited modules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..maps.recorder.owners import ModuleNames
from .edits import Edit
from .offsets import Past


@dataclass(eq=False)
class ModuleCall:
    """One call of a module that is edited, or is around an edited one.

    Attributes:
        module: the module.
        past: what the cache held when the outermost module was called.
        watches: whether functions are watched while it runs.
        applied: the edits of its attention that could be applied in this call.
        waiting: edited products of queries and keys that have met no softmax yet.
        reasons: why other edits could not.
    """

    module: nn.Module
    past: Past
    watches: bool
    applied: set[int] = field(default_factory=set)
    waiting: dict[int, object] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


@dataclass(eq=False)
class EditedModel:
    """A model with edits, in the thread that edits it.

    Attributes:
        model: the model.
        names: its modules' names by their ids.
        edits: the edits of each module by its id, in their order.
        numbered: the edits of the n-th attention.
        order: the number of each attention, in the order of first calls.
        calls: the calls that are running, the outermost first.
        runs: how many times any hooked module was called from outside.
    """

    model: nn.Module
    names: ModuleNames
    edits: dict[int, list[Edit]] = field(default_factory=dict)
    numbered: dict[int, list[Edit]] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)
    calls: list[ModuleCall] = field(default_factory=list)
    runs: int = 0

    def call_of(self, module: nn.Module) -> ModuleCall | None:
        """Return the innermost running call of a module."""
        return next((call for call in reversed(self.calls) if call.module is module), None)


class Running(threading.local):
    """The models that are edited in this thread, the outermost context first.

    Attributes:
        models: these.
        mode: the function mode, shared by all of them.
        depth: how many running calls need the mode.
    """

    def __init__(self) -> None:
        self.models: list[EditedModel] = []
        self.mode: AbstractContextManager[Any] | None = None
        self.depth = 0

    def watch(self, make_mode: Callable[[list[EditedModel]], AbstractContextManager[Any]]) -> None:
        """Start watching functions; calls may be nested.

        Args:
            make_mode: makes the mode, from the edited models.
        """
        if self.depth == 0:
            self.mode = make_mode(self.models)
            self.mode.__enter__()
        self.depth += 1

    def unwatch(self) -> None:
        """Undo `watch`."""
        self.depth -= 1
        if self.depth == 0 and self.mode is not None:
            self.mode.__exit__(None, None, None)
            self.mode = None


RUNNING = Running()


def past_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Past:
    """Return the contents of the cache in a model's arguments."""
    unknown = False
    for name, value in [*(("", one) for one in args), *kwargs.items()]:
        length = getattr(value, "get_seq_length", None)
        if callable(length):
            return Past(int(length()), cached=True)
        holds = isinstance(value, tuple | list) and len(value) > 0
        unknown = unknown or (holds and ("past" in name or "cache" in name or "mems" in name))
    return Past(None, cached=True) if unknown else Past()
