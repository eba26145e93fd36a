"""The dispatch mode that watches a model attend.

It sees every operator below autograd and before any kernel, runs each exactly as it came, and
looks at the arguments and results of those that attention is made of. Nothing is added to the
model, so its outputs are the same bits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from enum import Enum, auto
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from .captured import Captured, Unreadable, at_work, own_work
from .encoder_fast_path import read_encoder_layer, read_multi_head
from .explicit_scores import ScoreTracker
from .flex import read_flex
from .kernels import arguments, fused_kernel, is_unknown_attention, read_fused
from .mask_cache import MaskCache
from .owners import Owner, find_owner

Caught = Callable[[Owner, Captured], None]
Refused = Callable[[Owner, str, str], None]


class _Action(Enum):
    """What to do about an operator."""

    PASS = auto()
    FUSED = auto()
    UNKNOWN_ATTENTION = auto()
    PRODUCT = auto()
    SOFTMAX = auto()
    NOISE = auto()
    MASK = auto()
    WRITES = auto()
    FLEX = auto()
    ENCODER_LAYER = auto()
    MULTI_HEAD = auto()
    TAKE_APART = auto()
    LEAVE_WHOLE = auto()


_BY_NAME = {
    "aten::bmm": _Action.PRODUCT,
    "aten::mm": _Action.PRODUCT,
    "aten::baddbmm": _Action.PRODUCT,
    "aten::_softmax": _Action.SOFTMAX,
    "aten::_safe_softmax": _Action.SOFTMAX,
    "aten::bernoulli_": _Action.NOISE,
    "aten::where": _Action.MASK,
    "aten::_transformer_encoder_layer_fwd": _Action.ENCODER_LAYER,
    "aten::_native_multi_head_attention": _Action.MULTI_HEAD,
}
# In inference mode composite operators arrive whole. Attention may hide in any of them but these,
# which are many in a model and need not be taken apart.
_LEFT_WHOLE = frozenset(
    f"aten::{name}" for name in ("linear", "layer_norm", "rms_norm", "group_norm")
)


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
        self._names = {id(module): name for name, module in model.named_modules()}
        self._model = model  # or the ids could be given to others
        self._thread = threading.get_ident()
        self._caught, self._refuse = captured, refused
        self._masks = MaskCache()
        self._actions: dict[Any, _Action] = {}
        parameters = frozenset(p.untyped_storage()._cdata for p in model.parameters())
        self._tracker = ScoreTracker(self._owner, parameters, self._masks, captured, refused)

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Compiled parts of a model stay compiled, and FlexAttention compiles its own."""
        return True

    def _owner(self) -> Owner | None:
        return find_owner(self._names, outermost=self._inputs)

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
        action = self._actions.get(func)
        if action is None:
            action = self._actions[func] = _action_of(func)
        if not self._tracker.live and (
            action is _Action.PASS
            or (action is _Action.PRODUCT and self._tracker.is_projection(args))
        ):
            return func(*args, **kwargs)
        composite = action is _Action.TAKE_APART or action is _Action.LEAVE_WHOLE
        if composite and not at_work():
            return self._composite(action, func, args, kwargs)
        if at_work() or torch._C._current_graph_task_id() != -1:  # the latter: a backward pass
            return func(*args, **kwargs)
        out = func(*args, **kwargs)
        with own_work():
            try:
                self._look(action, func, args, kwargs, out)
            except Unreadable as error:
                self._refused(str(error), str(func))
            except Exception as error:
                # The model must run on, and the reader must be told: no map instead of a doubt.
                self._refused(f"reading it failed: {type(error).__name__}: {error}", str(func))
        return out

    def _composite(
        self, action: _Action, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """An operator made of others, which only inference mode lets through to here.

        Below a dispatch mode views and autocast are switched off. A composite operator is above
        them, and gives other bits without them (a linear layer asks its weight whether it needs a
        gradient, which a view of it here would deny), so they are switched on again.
        """
        keys = [torch._C.DispatchKey.ADInplaceOrView]
        if torch.is_autocast_enabled("cpu"):
            keys.append(torch._C.DispatchKey.AutocastCPU)
        if torch.is_autocast_enabled("cuda"):
            keys.append(torch._C.DispatchKey.AutocastCUDA)
        with ExitStack() as stack:
            for key in keys:
                stack.enter_context(torch._C._SetExcludeDispatchKeyGuard(key, False))
            if action is _Action.TAKE_APART and _plain(args):
                with self:
                    result = func.decompose(*args, **kwargs)
                if result is not NotImplemented:
                    return result
            return func(*args, **kwargs)

    def _refused(self, why: str, kernel: str) -> None:
        owner = self._owner()
        if owner is not None:
            self._refuse(owner, why, kernel)

    def _look(
        self, action: _Action, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any
    ) -> None:
        if action is _Action.PRODUCT and _plain((*args, out)):
            name = func._schema.name.partition("::")[2]
            self._tracker.product(name, args, kwargs, out)
        elif action is _Action.SOFTMAX and _plain((*args, out)):
            self._tracker.softmax(args, out)
        elif action in (_Action.FUSED, _Action.FLEX, _Action.ENCODER_LAYER, _Action.MULTI_HEAD):
            self._look_at_fused(action, func, args, kwargs, out)
        elif action is _Action.UNKNOWN_ATTENTION:
            if self._owner() is not None:
                raise Unreadable(f"the operator {func} is not known to clearhead")
        else:
            if action is _Action.NOISE and len(args) > 1 and isinstance(args[1], float):
                self._tracker.noise(args[0], args[1])
            elif action is _Action.MASK:
                self._note_mask(args, out)
            elif action is _Action.WRITES and isinstance(args[0], Tensor) and _plain(args[:1]):
                self._masks.written(args[0])
            if self._tracker.live and _plain((*args, out)):
                self._tracker.other(func, args, kwargs, out)

    def _look_at_fused(
        self, action: _Action, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any
    ) -> None:
        owner = self._owner()
        if owner is None:
            return
        if action is _Action.FLEX:
            self._caught(owner, read_flex(args, kwargs, out))
            return
        call = arguments(func, args, kwargs)
        if action is _Action.ENCODER_LAYER:
            owner = self._attention_within(owner, call["qkv_weight"])
            self._caught(owner, read_encoder_layer(call, self._masks))
        elif action is _Action.MULTI_HEAD:
            self._caught(owner, read_multi_head(call, self._masks))
        else:
            kernel = fused_kernel(func)
            assert kernel is not None
            self._caught(owner, read_fused(kernel, call, out, self._masks))

    def _attention_within(self, owner: Owner, weight: Tensor) -> Owner:
        """The encoder layer's operator was called for its attention, known by its weight."""
        for name, module in self._model.named_modules():
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


def _action_of(func: Any) -> _Action:
    schema = getattr(func, "_schema", None)
    if schema is None:
        return _Action.FLEX if getattr(func, "__name__", "") == "flex_attention" else _Action.PASS
    if fused_kernel(func) is not None:
        return _Action.FUSED
    if func._can_decompose():
        return _Action.LEAVE_WHOLE if schema.name in _LEFT_WHOLE else _Action.TAKE_APART
    if is_unknown_attention(func):
        return _Action.UNKNOWN_ATTENTION
    if schema.name in _BY_NAME:
        out_variant = func._overloadname in ("out", "dtype_out")
        return _Action.PASS if out_variant else _BY_NAME[schema.name]
    return _Action.WRITES if schema.is_mutable else _Action.PASS


def _plain(args: Any) -> bool:
    """Whether all tensors have a memory of their own: not nested, sparse, fake or of a subclass."""
    for x in args:
        if isinstance(x, Tensor):
            if x.is_nested or x.layout != torch.strided or x.device.type == "meta":
                return False
            if type(x) not in (Tensor, nn.Parameter):
                return False
        elif isinstance(x, list | tuple) and not _plain(x):
            return False
    return True
