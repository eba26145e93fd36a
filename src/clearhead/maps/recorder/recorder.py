"""The dispatch mode that watches a model attend.

It sees every operator below autograd and before any kernel, runs each exactly as it came, and
looks at the arguments and results of those that attention is made of. Nothing is added to the
model, so its outputs are the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ..recording.captured import Captured, Unreadable, at_work, own_work
from .agreement import check_output
from .eager import ScoreTracker
from .kernels import (
    arguments,
    fused_kernel,
    read_encoder_layer,
    read_flex,
    read_fused,
    read_multi_head,
)
from .mask_cache import MaskCache
from .operators import Action, Operator
from .owners import Chain, ModuleNames, Owner, find_chain, find_owner
from .plain_tensors import ORDINARY, is_plain, kind_of_tensors

Caught = Callable[[Owner, Captured], None]
Refused = Callable[[Owner, str, str], None]
_VIEWS = torch._C.DispatchKey.ADInplaceOrView


class Recorder(TorchDispatchMode):
    """Tells of each attention of one model in one thread.

    Args:
        model: whose attention is of interest.
        captured: called with each that was read.
        refused: called with each that was not: who, why, and the kernel.
        inputs: whether owners should know what the model was called with.
    """

    supports_higher_order_operators = True

    def __init__(
        self, model: nn.Module, captured: Caught, refused: Refused, *, inputs: bool = False
    ) -> None:
        super().__init__()
        self._inputs = inputs
        self._names = ModuleNames(model)
        self._caught, self._refuse = captured, refused
        self._masks = MaskCache()
        self._operators: dict[int, Operator] = {}  # by their ids: their hash is slow
        self.modules = self._names.modules
        self._parameters = frozenset(
            parameter.untyped_storage()._cdata
            for _, module in self.modules
            for parameter in module._parameters.values()
            if parameter is not None
        )
        self._tracker = ScoreTracker(
            self._owner, self._chain, self._parameters, self._masks, captured, refused
        )
        self._scores, self._weights = self._tracker.scores, self._tracker.weights.by_storage
        self._composites = 0
        self.used: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would wrap every operator's way through here in a function of its compiler; what
        is compiled stays so all the same, as the next method says."""
        return False

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Compiled parts of a model stay compiled, and FlexAttention compiles its own."""
        return True

    @property
    def saw_operators(self) -> bool:
        """Whether anything at all ran in this thread."""
        return bool(self._operators)

    def _owner(self) -> Owner | None:
        return find_owner(self._names, outermost=self._inputs)

    def _chain(self) -> Chain:
        return find_chain(self._names)

    def finish(self) -> None:
        """After the last operator."""
        with own_work():
            self._tracker.finish()
        self._masks.clear()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        operator = self._operators.get(id(func))
        if operator is None:
            operator = self._operators[id(func)] = Operator.of(func)
        action = operator.action
        if types:
            return self._of_other_tensors(operator, func, args, kwargs)
        if operator.weight is not None:
            self._note_use(operator.weight, args)
        if not (self._scores or self._weights) and (
            action is Action.PASS
            or (action is Action.PRODUCT and self._tracker.is_projection(args))
        ):
            return self._run(func, args, kwargs)
        if operator.composite and not at_work():
            return self._composite(operator, func, args, kwargs)
        if at_work() or torch._C._current_graph_task_id() != -1:  # the latter: a backward pass
            return self._run(func, args, kwargs)
        if operator.writes:
            self._before_writes(operator, args, kwargs)
        out = self._run(func, args, kwargs)
        self._watch(operator, func, args, kwargs, out)
        return out

    def _watch(
        self,
        operator: Operator,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        """Looks at an operator that ran; nothing that may go wrong here reaches the model."""
        with own_work():
            try:
                self._look(operator, func, args, kwargs, out)
            except Unreadable as error:
                self._refused(str(error), str(func))
            except Exception as error:
                # The model must run on, and the reader must be told: no map instead of a doubt.
                self._refused(f"reading it failed: {type(error).__name__}: {error}", str(func))

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """An operator, as if no recorder were there."""
        if not self._composites:
            return func(*args, **kwargs)
        # A view that is a part of a composite was begun above: here it is only computed.
        with torch._C._SetExcludeDispatchKeyGuard(_VIEWS, True):
            return func(*args, **kwargs)

    def _composite(
        self, operator: Operator, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """An operator made of others, which only inference mode lets through to here.

        Below a dispatch mode views and autocast are switched off. A composite operator is above
        them, and gives other bits without them (a linear layer asks its weight whether it needs a
        gradient, which a view of it here would deny), so they are switched on again.
        """
        with torch._C._SetExcludeDispatchKeyGuard(_VIEWS, False), _autocast():
            if operator.parts is not None and is_plain(args):
                self._composites += 1
                try:
                    with self:
                        return operator.parts(*args, **kwargs)
                finally:
                    self._composites -= 1
            out = func(*args, **kwargs)
        self._watch(operator, func, args, kwargs, out)
        return out

    def _of_other_tensors(
        self, operator: Operator, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """An operator of tensors that compute in a way of their own: nested, distributed, ...

        They go on to their own code, which this mode is not in; it is only noted what they are.
        """
        out = func(*args, **kwargs)
        if operator.attends and not at_work():
            with own_work():
                self._refused(kind_of_tensors((*args, *kwargs.values())), str(func))
        return out

    def _note_use(self, place: int, args: Sequence[Any]) -> None:
        """Which parameters were multiplied with: whose modules ran."""
        weight = args[place] if len(args) > place else None
        if type(weight) in ORDINARY:
            with suppress(RuntimeError, NotImplementedError):  # nested, or without a memory
                self.used.add(weight.untyped_storage()._cdata)  # type: ignore[union-attr]

    def _before_writes(
        self, operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        if self._tracker.live:
            with own_work(), suppress(Exception):  # the model must run on
                for x in operator.written(args, kwargs):
                    if is_plain((x,)):
                        self._tracker.before_a_write(x)

    def _refused(self, why: str, kernel: str) -> None:
        owner = self._owner()
        if owner is not None:
            self._refuse(owner, why, kernel)

    def _look(
        self,
        operator: Operator,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        action = operator.action
        for x in operator.written(args, kwargs) if operator.writes else ():
            if is_plain((x,)):
                self._masks.written(x)
                if self._tracker.live:
                    self._tracker.after_a_write(x, args)
        if operator.needs_plain and not is_plain((*args, out)):
            raise Unreadable(kind_of_tensors((*args, out)))
        if action is Action.PRODUCT:
            if is_plain((*args, out)):
                self._tracker.product(operator.name, args, kwargs, out)
        elif action is Action.SOFTMAX:
            self._tracker.softmax(args, out)
        elif action in (Action.FUSED, Action.FLEX, Action.ENCODER_LAYER, Action.MULTI_HEAD):
            self._look_at_fused(action, func, args, kwargs, out)
        elif action is Action.UNKNOWN_ATTENTION:
            if self._owner() is not None:
                raise Unreadable(f"the operator {func} is not known to clearhead")
        else:
            self._look_at_others(operator, func, args, kwargs, out)

    def _look_at_others(
        self,
        operator: Operator,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        action = operator.action
        if action is Action.NOISE and len(args) > 1 and isinstance(args[1], float):
            self._tracker.weights.noise(args[0], args[1])
        elif action is Action.MASK:
            self._note_mask(args, out)
        elif action is Action.COPY and out.ndim > 2 and is_plain((args[0], out)):
            self._tracker.copies.note(args[0], out)
        elif action is Action.JOIN and out.ndim > 2 and is_plain((args[0], out)):
            axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
            stacked = operator.name == "stack"
            self._tracker.copies.note_joined(args[0], out, stacked=stacked, axis=axis)
        if self._tracker.live and is_plain((*args, out)):
            self._tracker.other(func, args, kwargs, out)

    def _look_at_fused(
        self, action: Action, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any
    ) -> None:
        owner = self._owner()
        if owner is None:
            return
        if action is Action.FLEX:
            captured, output = read_flex(args, kwargs, out), out[0].detach()
        else:
            call = arguments(func, args, kwargs)
            if action is Action.ENCODER_LAYER:
                owner = self._attention_within(owner, call["qkv_weight"])
                self._caught(owner, read_encoder_layer(call, out, self._masks))
                return
            if action is Action.MULTI_HEAD:
                self._caught(owner, read_multi_head(call, out, self._masks))
                return
            kernel = fused_kernel(func)
            assert kernel is not None
            captured, output = read_fused(
                kernel,
                call,
                out,
                self._masks,
                lambda query: self._tracker.is_heads_first(query, owner),
            )
        if captured.dropout == 0 and captured.value is not None:
            dtypes = (captured.query.dtype, output.dtype)
            check_output(captured, output, captured.value.detach(), dtypes=dtypes)
        self._caught(owner, captured)

    def _attention_within(self, owner: Owner, weight: Tensor) -> Owner:
        """The encoder layer's operator was called for its attention, known by its weight."""
        for name, module in self.modules:
            if getattr(module, "in_proj_weight", None) is weight:
                return replace(owner, name=name, module=module, kind="self")
        return owner

    def _note_mask(self, args: tuple[Any, ...], out: Any) -> None:
        """SDPA turns a boolean mask into 0 and -inf in every call."""
        if len(args) != 3 or not all(isinstance(x, Tensor) for x in args):
            return
        condition, allowed, forbidden = args
        if condition.dtype != torch.bool or allowed.numel() != 1 or forbidden.numel() != 1:
            return
        if (
            out.shape == condition.shape
            and float(allowed) == 0.0
            and float(forbidden) == -torch.inf
        ):
            self._masks.made_from(out, condition)


def _autocast() -> AbstractContextManager[Any]:
    """Autocast as it was set, switched on again below a dispatch mode."""
    if not torch._C._is_any_autocast_enabled():
        return _NOTHING
    stack = ExitStack()
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            key = getattr(torch._C.DispatchKey, f"Autocast{device.upper()}")
            stack.enter_context(torch._C._SetExcludeDispatchKeyGuard(key, False))
    return stack


_NOTHING = nullcontext()
