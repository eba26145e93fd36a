"""The dispatch mode that sees every operator that a model runs.

It runs below autograd and above the kernels. Each operator runs exactly as the model called it, and
is then handed to a reader. Nothing is added to the model, so its outputs are the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from .listener import Listener
from .operator_reader import OperatorReader
from .operators import Action, Operator, OperatorRun, operator_of
from .owners import ModuleNames
from .pause import is_paused, recorder_work
from .plain_tensors import ORDINARY, is_plain, kind_of_tensors

_VIEWS = torch._C.DispatchKey.ADInplaceOrView
_NOTHING = nullcontext()


class Recorder(TorchDispatchMode):
    """Reports each attention of one model in one thread.

    Args:
        model: the model to watch.
        listener: is told of each attention, read or refused.
        inputs: whether owners record the arguments of the outermost call.

    Attributes:
        modules: the model's modules by name.
        multiplied_parameters: storages of the parameters that were factors of a product.
    """

    supports_higher_order_operators = True

    def __init__(self, model: nn.Module, listener: Listener, *, inputs: bool = False) -> None:
        super().__init__()
        self._operators: dict[int, Operator] = {}  # by id, because their hash is slow
        self._bystanders: set[int] = set()  # those to pass through while nothing is followed
        names = ModuleNames(model)
        self.modules = names.modules
        self.multiplied_parameters: set[int] = set()
        parameters = frozenset(
            parameter.untyped_storage()._cdata
            for _, module in self.modules
            for parameter in module._parameters.values()
            if parameter is not None
        )
        self._reader = OperatorReader(names, parameters, listener, inputs=inputs)
        self._tracker = self._reader.tracker
        self._scores, self._weights = self._tracker.scores, self._tracker.weights.by_storage
        self._with_views = torch._C._SetExcludeDispatchKeyGuard(_VIEWS, False)
        self._assembled = self._tracker.assembled.memories
        # How many nested composite operators are being run part by part.
        self._composites = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from wrapping each call of this mode in a function of its compiler.

        Compiled parts of a model stay compiled all the same: see `ignore_compile_internals`.
        """
        return False

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Keep compiled parts of a model compiled, and FlexAttention's own compilation."""
        return True

    @property
    def saw_operators(self) -> bool:
        """Whether any operator ran in this thread."""
        return bool(self._operators)

    def finish(self) -> None:
        """Report the attentions that are still open after the last operator."""
        self._reader.finish()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        follows = self._scores or self._weights or self._assembled
        # Most operators have nothing to do with attention, and pass through.
        if id(func) in self._bystanders and not (types or follows):
            return self._run(func, args, kwargs) if self._composites else func(*args, **kwargs)
        operator = self._operators.get(id(func)) or self._meet(func)
        if types:
            return self._run_on_other_tensors(operator, args, kwargs)
        if operator.weight is not None:
            self._note_parameter(operator.weight, args)
        if not follows and (
            operator.action is Action.IGNORE
            or (operator.action is Action.PRODUCT and self._tracker.is_projection(args))
        ):
            return self._run(func, args, kwargs)
        if operator.composite and not is_paused():
            return self._run_composite(operator, args, kwargs)
        if is_paused() or torch._C._current_graph_task_id() != -1:  # the latter: a backward pass
            return self._run(func, args, kwargs)
        if operator.writes:
            self._before_writes(operator, args, kwargs)
        out = self._run(func, args, kwargs)
        self._reader.read(OperatorRun(operator, args, kwargs, out))
        return out

    def _meet(self, func: Any) -> Operator:
        """Decide what to do about an operator on its first call."""
        operator = self._operators[id(func)] = operator_of(func)
        if operator.action is Action.IGNORE and operator.weight is None:
            self._bystanders.add(id(func))
        return operator

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run an operator as if no recorder were there."""
        if not self._composites:
            return func(*args, **kwargs)
        # A view within a composite was already processed above; here it is only computed.
        with torch._C._SetExcludeDispatchKeyGuard(_VIEWS, True):
            return func(*args, **kwargs)

    def _run_composite(
        self, operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run a composite operator, which only inference mode lets through to this mode.

        Below a dispatch mode, views and autocast are switched off. A composite operator expects
        them, and computes other bits without them (a linear layer asks its weight whether it needs
        a gradient, which a view of it would deny here), so they are switched on again.
        """
        whole = operator.parts is None or operator.does_no_more_than_a_view(args, kwargs)
        silent = whole and not (operator.writes or self._tracker.live)
        if silent and not torch._C._is_any_autocast_enabled():
            with self._with_views:  # this mode is not re-entered from here, as no mode is
                return operator.func(*args, **kwargs)
        with torch._C._SetExcludeDispatchKeyGuard(_VIEWS, False), _autocast():
            if operator.parts is not None and not whole and is_plain(args):
                self._composites += 1
                try:
                    with self:
                        return operator.parts(*args, **kwargs)
                finally:
                    self._composites -= 1
            out = operator.func(*args, **kwargs)
        if not silent:
            self._reader.read(OperatorRun(operator, args, kwargs, out))
        return out

    def _run_on_other_tensors(
        self, operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run an operator on tensor subclasses: nested, distributed, ...

        Their own code runs outside of this mode; an attention on them is refused.
        """
        out = operator.func(*args, **kwargs)
        if operator.attends and not is_paused():
            with recorder_work():
                why = kind_of_tensors((*args, *kwargs.values()))
                self._reader.refuse(why, operator)
        return out

    def _note_parameter(self, place: int, args: Sequence[Any]) -> None:
        """Note a parameter that is a factor of a product, which means that its module runs."""
        weight = args[place] if len(args) > place else None
        if type(weight) in ORDINARY:
            try:
                storage = weight.untyped_storage()  # type: ignore[union-attr]
            except (RuntimeError, NotImplementedError):  # nested, or without storage
                return
            self.multiplied_parameters.add(storage._cdata)

    def _before_writes(
        self, operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        """Let the tracker copy tensors that it refers to and that the operator will overwrite."""
        if self._tracker.live:
            with recorder_work(), suppress(Exception):  # the model must run on
                for x in operator.written_tensors(args, kwargs):
                    if is_plain((x,)):
                        self._tracker.before_a_write(x)


def _autocast() -> AbstractContextManager[Any]:
    """Switch autocast back on below a dispatch mode, as the user has set it."""
    if not torch._C._is_any_autocast_enabled():
        return _NOTHING
    stack = ExitStack()
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            key = getattr(torch._C.DispatchKey, f"Autocast{device.upper()}")
            stack.enter_context(torch._C._SetExcludeDispatchKeyGuard(key, False))
    return stack
