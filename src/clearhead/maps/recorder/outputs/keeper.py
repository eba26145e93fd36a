"""Keeps the outputs of modules while a model is recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from ....errors import ConfigError
from ...recording.contents import Contents
from ...recording.storage import Storage
from ..pause import is_paused, recorder_work
from ..plain_tensors import is_plain, kind_of_tensors
from ..selection import matching_modules


class OutputKeeper:
    """Keeps the outputs of some modules of a model, in the thread that records it.

    It hooks all modules of the process, because a hook on one module would switch off the fast path
    of PyTorch's own encoder layers, and so change bits.

    Args:
        model: the model.
        choices: names of modules, and patterns.
        contents: takes the outputs.
        storage: how they are kept.

    Raises:
        ConfigError: a name fits no module.
    """

    def __init__(
        self, model: nn.Module, choices: Iterable[str], contents: Contents, storage: Storage
    ) -> None:
        if isinstance(choices, str):
            choices = [choices]
        self._names: dict[int, str] = {}
        for choice in choices:
            if not isinstance(choice, str):
                raise ConfigError(
                    f"outputs are names of modules, or patterns; got {type(choice).__name__}."
                )
            for name, module in matching_modules(model, choice).items():
                self._names[id(module)] = name
        self._model, self._contents, self._storage = model, contents, storage
        self._handle: Any = None

    def __enter__(self) -> None:
        self._thread = threading.get_ident()
        if self._names:
            self._handle = register_module_forward_hook(self._keep)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._handle.remove()

    def _keep(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Copy the output of a module, if it is one of these."""
        name = self._names.get(id(module))
        if name is None or threading.get_ident() != self._thread or is_paused():
            return
        x = _first_tensor(output)
        with recorder_work():
            if x is not None and is_plain((x,)):
                self._contents.outputs.setdefault(name, []).append(self._storage.copy(x))
                return
            why = "it has no tensor of numbers" if x is None else kind_of_tensors((x,))
            note = f"the output of {name or '(the model)'} was not kept: {why}."
            if note not in self._contents.notes:
                self._contents.notes.append(note)


def _first_tensor(output: Any) -> Tensor | None:
    """Return the first floating tensor in the output of a module."""
    if isinstance(output, Tensor):
        return output if output.is_floating_point() else None
    parts = output.values() if isinstance(output, Mapping) else output
    if isinstance(output, Mapping | tuple | list):
        return next((x for x in parts if isinstance(x, Tensor) and x.is_floating_point()), None)
    return None
