"""The hooks on edited modules and on the modules around them."""

from __future__ import annotations

import sys
import threading
from typing import Any

import torch
from torch import nn

from ..errors import ConfigError
from .attention.mode import AttentionMode
from .edited_tensor import Frame, apply_edit
from .edits import HEADS, OUTPUT, Edit, TensorEdit
from .module_outputs import first_tensor, length_axis
from .running import RUNNING, EditedModel, ModuleCall, past_of

_CHECKPOINT_FILE = "torch/utils/checkpoint.py"


class ModuleHooks:
    """The two hooks of one module: before and after its forward.

    Args:
        model: the model with its edits.
        module: the module.
        around: the modules around it, the innermost first.
    """

    def __init__(self, model: EditedModel, module: nn.Module, around: list[nn.Module]) -> None:
        self._model, self._module, self._around = model, module, around
        self._thread = threading.get_ident()
        self._handles = [
            module.register_forward_pre_hook(_Hook(self.before), with_kwargs=True),
            module.register_forward_hook(_Hook(self.behind), always_call=True),
        ]

    def remove(self) -> None:
        """Remove both hooks."""
        for handle in self._handles:
            handle.remove()

    @property
    def _edits(self) -> list[Edit]:
        return self._model.edits.get(id(self._module), [])

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note that the module is called, and start watching functions."""
        edits = self._edits
        if not self._is_ours(module, edits):
            return
        model = self._model
        model.runs += not model.calls
        if edits:
            self._check_surroundings(edits[0])
        past = model.calls[0].past if model.calls else past_of(args, kwargs)
        watches = any(not _is_of_output(edit) for edit in edits)
        watches = watches or (module is model.model and bool(model.numbered))
        model.calls.append(ModuleCall(module, past, watches))
        if watches:
            RUNNING.watch(AttentionMode)

    def behind(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """Edit the module's output, and check that its attention could be edited."""
        calls = self._model.calls
        if threading.get_ident() != self._thread or not calls or calls[-1].module is not module:
            return None
        call = calls.pop()
        if call.watches:
            RUNNING.unwatch()
        if output is None and sys.exc_info()[0] is not None:
            return None
        self._check_applied(call)
        changed = output
        for edit in self._edits:
            if _is_of_output(edit):
                assert isinstance(edit, TensorEdit)
                changed = self._with_edit(changed, edit, call)
        return None if changed is output else changed

    def _with_edit(self, output: Any, edit: TensorEdit, call: ModuleCall) -> Any:
        """Return a module's output with an edit applied."""
        x, rebuild = first_tensor(output, edit.words)
        axis, doubt = length_axis(x, [self._module, *self._around])
        first = call.past.length
        if first is None:
            doubt = "the model was called with a cache that does not say its length"
        frame = Frame(self._model.names[id(self._module)], first, axis, doubt=doubt)
        new = apply_edit(x, edit, frame)
        return output if new is x else rebuild(new)

    def _is_ours(self, module: nn.Module, edits: list[Edit]) -> bool:
        """Return whether a call is in the editing thread.

        Raises:
            ConfigError: a replica of the module was called: it would run without the edits.
        """
        if module is not self._module:
            if not edits:
                return False
            raise ConfigError(
                f"{edits[0].words}: a copy of {type(module).__name__} was called in place of the "
                "module that is edited, as torch.nn.DataParallel does. Call the model itself "
                "(DataParallel has it as .module)."
            )
        return threading.get_ident() == self._thread

    def _check_surroundings(self, edit: Edit) -> None:
        """Check that the module does not run where an edit would be lost or wrong.

        Raises:
            ConfigError: it does.
        """
        if torch.compiler.is_compiling():
            raise ConfigError(
                f"{edit.words}: the model is being compiled, and a compiled graph cannot be "
                "edited. Call it without torch.compile (generate(..., disable_compile=True))."
            )
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename.endswith(_CHECKPOINT_FILE):
                raise ConfigError(
                    f"{edit.words}: the module runs under gradient checkpointing, which would run "
                    "it again in the backward pass, perhaps without the edit. Switch "
                    "checkpointing off: model.gradient_checkpointing_disable()."
                )
            frame = frame.f_back  # type: ignore[assignment]

    def _check_applied(self, call: ModuleCall) -> None:
        """Check that all edits of the module's attention were applied in a call.

        Raises:
            ConfigError: one was not.
        """
        name = self._model.names[id(self._module)]
        if call.waiting:
            raise ConfigError(
                f"Queries and keys of {name!r} ({type(self._module).__name__}) were edited in a "
                "product that then met no softmax and values, so it belongs to no attention, or to "
                "one that cannot be followed. Edit the outputs of its heads instead."
            )
        for edit in self._edits:
            if _is_of_output(edit) or id(edit) in call.applied:
                continue
            why = call.reasons[0] if call.reasons else _NO_ATTENTION
            of_all = isinstance(edit, TensorEdit) and edit.part == HEADS and edit.heads is None
            hint = f" What the module returns is edits[{name!r}].output." if of_all else ""
            raise ConfigError(
                f"{edit.words} was not applied: in the forward of {name!r} "
                f"({type(self._module).__name__}) {why}.{hint}"
            )


_NO_ATTENTION = (
    "there was no attention that can be edited exactly, neither a fused kernel of PyTorch's nor "
    "a softmax over products of queries and keys that then meets the values"
)


class _Hook:
    """A hook that copies of the module do not inherit."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __deepcopy__(self, memory: dict[int, Any]) -> Any:
        return _nothing

    def __reduce__(self) -> Any:
        return _make_nothing, ()


def _nothing(*args: Any) -> None:
    """Do nothing: the hook of a copy."""


def _make_nothing() -> Any:
    return _nothing


def _is_of_output(edit: Edit) -> bool:
    return isinstance(edit, TensorEdit) and edit.part == OUTPUT
