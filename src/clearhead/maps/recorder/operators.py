"""What the recorder does about each operator, decided once, when it first runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .kernels import fused_kernel, is_unknown_attention
from .plain_tensors import ORDINARY


class Action(Enum):
    """What to do about an operator."""

    IGNORE = auto()
    FUSED = auto()
    UNKNOWN_ATTENTION = auto()
    PRODUCT = auto()
    SOFTMAX = auto()
    NOISE = auto()
    MASK = auto()
    COPY = auto()
    JOIN = auto()
    MOVE = auto()
    WRITES = auto()
    FLEX = auto()
    ENCODER_LAYER = auto()
    MULTI_HEAD = auto()
    TAKE_APART = auto()
    LEAVE_WHOLE = auto()


_BY_NAME = {
    "aten::bmm": Action.PRODUCT,
    "aten::mm": Action.PRODUCT,
    "aten::baddbmm": Action.PRODUCT,
    "aten::_softmax": Action.SOFTMAX,
    "aten::_safe_softmax": Action.SOFTMAX,
    "aten::bernoulli_": Action.NOISE,
    "aten::where": Action.MASK,
    "aten::clone": Action.COPY,
    "aten::_to_copy": Action.COPY,
    "aten::cat": Action.JOIN,
    "aten::stack": Action.JOIN,
    "aten::copy_": Action.MOVE,
    "aten::constant_pad_nd": Action.MOVE,
    "aten::flip": Action.MOVE,
    "aten::gather": Action.MOVE,
    "aten::index": Action.MOVE,
    "aten::index_put_": Action.MOVE,
    "aten::index_select": Action.MOVE,
    "aten::_transformer_encoder_layer_fwd": Action.ENCODER_LAYER,
    "aten::_native_multi_head_attention": Action.MULTI_HEAD,
}
# In inference mode composite operators arrive whole. Any of them may contain attention but these,
# which are frequent and need not be run part by part.
_WITHOUT_ATTENTION = frozenset(
    f"aten::{name}" for name in ("linear", "layer_norm", "rms_norm", "group_norm")
)
# These return views or copies; only the copies are of interest.
_PERHAPS_COPIES = frozenset(
    f"aten::{name}" for name in ("reshape", "contiguous", "flatten", "to", "reshape_as", "type_as")
)


def _is_shape_of(x: Tensor, shape: Sequence[int]) -> bool:
    """Return whether a shape, of which one size may be -1, is that of a tensor already."""
    return x.ndim == len(shape) and all(
        size in (-1, own) for size, own in zip(shape, x.shape, strict=True)
    )


# For each, the test on the first argument that tells whether the call only returns a view.
_VIEWS_OF: dict[str, Callable[[Tensor, Sequence[Any]], bool]] = {
    "aten::reshape": lambda x, more: x.is_contiguous() or _is_shape_of(x, more[0]),
    "aten::flatten.using_ints": lambda x, _: x.is_contiguous(),
    "aten::contiguous": lambda x, more: not more and x.is_contiguous(),
    "aten::to.dtype": lambda x, more: len(more) == 1 and x.dtype == more[0],
}
# Which argument of an operator is a parameter, which tells the running module.
_WEIGHTS = {"aten::linear": 1, "aten::addmm": 2, "aten::mm": 1, "aten::convolution": 1}
_ATTENDS = (
    Action.FUSED,
    Action.UNKNOWN_ATTENTION,
    Action.SOFTMAX,
    Action.FLEX,
    Action.ENCODER_LAYER,
    Action.MULTI_HEAD,
)


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator, and what to do about it.

    Attributes:
        name: without namespace and overload.
        func: the operator; kept alive, so that its id stays its own.
        action: what to do.
        composite: whether it arrives whole and consists of others.
        attends: whether it is an attention, or the softmax of one.
        weight: which argument may be a parameter of the running module; None if none is.
        writes: indices and names of the arguments that it writes to.
        parts: runs the parts of a composite operator.
        is_view: tells whether a call with some arguments only returns a view.
    """

    name: str
    func: Any
    action: Action
    composite: bool = False
    attends: bool = False
    weight: int | None = None
    writes: tuple[tuple[int, str], ...] = ()
    parts: Callable[..., Any] | None = None
    is_view: Callable[[Tensor, Sequence[Any]], bool] | None = None

    @classmethod
    def of(cls, func: Any) -> Operator:
        """Decide what to do about an operator; never raises, whatever the operator."""
        schema = getattr(func, "_schema", None)
        name = getattr(func, "__name__", "") if schema is None else schema.name.partition("::")[2]
        try:
            action = _action_of(func)
        except Exception:  # operators of tensor subclasses may not support this
            action = Action.IGNORE
        return cls(
            name=name,
            func=func,
            action=action,
            composite=action in (Action.TAKE_APART, Action.LEAVE_WHOLE),
            attends=action in _ATTENDS or "scaled_dot_product" in name,
            weight=None if schema is None else _WEIGHTS.get(schema.name),
            writes=() if schema is None else _written_arguments(schema),
            parts=_parts_of(func) if action is Action.TAKE_APART else None,
            is_view=_VIEWS_OF.get(func.name()) if action is Action.TAKE_APART else None,
        )

    def does_no_more_than_a_view(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether a composite operator, called like this, only returns a view."""
        if self.is_view is None or kwargs or not args or type(args[0]) not in ORDINARY:
            return False
        try:
            return args[0].layout == torch.strided and self.is_view(args[0], args[1:])
        except (RuntimeError, NotImplementedError):  # nested, or of a transform such as vmap
            return False

    @cached_property
    def needs_plain(self) -> bool:
        """Whether it is an attention that can be read only for ordinary tensors."""
        whole = self.composite and self.attends
        return whole or self.action in (Action.FUSED, Action.SOFTMAX)

    def written_tensors(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
        """Return the tensors that a call writes to."""
        tensors: list[Tensor] = []
        for place, name in self.writes:
            x = args[place] if place < len(args) else kwargs.get(name)
            if isinstance(x, Tensor):
                tensors.append(x)
            elif isinstance(x, list | tuple):
                tensors.extend(one for one in x if isinstance(one, Tensor))
        return tensors


_OPERATORS: dict[int, Operator] = {}


def operator_of(func: Any) -> Operator:
    """Return `Operator.of`, decided once for all recorders."""
    operator = _OPERATORS.get(id(func))
    if operator is None:
        operator = _OPERATORS[id(func)] = Operator.of(func)
    return operator


class OperatorRun(NamedTuple):
    """One run of an operator: what it was called with, and what it returned."""

    operator: Operator
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Any

    def written_tensors(self) -> list[Tensor]:
        """Return the tensors that it wrote to."""
        return self.operator.written_tensors(self.args, self.kwargs)


def _written_arguments(schema: Any) -> tuple[tuple[int, str], ...]:
    if not schema.is_mutable:
        return ()
    return tuple(
        (place, one.name)
        for place, one in enumerate(schema.arguments)
        if one.alias_info is not None and one.alias_info.is_write
    )


def _action_of(func: Any) -> Action:
    schema = getattr(func, "_schema", None)
    if schema is None:
        return Action.FLEX if getattr(func, "__name__", "") == "flex_attention" else Action.IGNORE
    if fused_kernel(func) is not None:
        return Action.FUSED
    if _is_composite(func):
        if _is_view(schema):
            return Action.IGNORE  # with views switched on again, it would be processed twice
        return Action.LEAVE_WHOLE if schema.name in _WITHOUT_ATTENTION else Action.TAKE_APART
    if is_unknown_attention(func):
        return Action.UNKNOWN_ATTENTION
    if schema.name in _BY_NAME and func._overloadname != "dtype_out":
        return _BY_NAME[schema.name]
    return Action.WRITES if schema.is_mutable else Action.IGNORE


def _is_view(schema: Any) -> bool:
    """Return whether an operator returns nothing but views of its arguments' memory."""
    if schema.is_mutable or schema.name in _PERHAPS_COPIES:
        return False
    return bool(schema.returns) and all(one.alias_info is not None for one in schema.returns)


def _parts_of(func: torch._ops.OpOverload) -> Callable[..., Any]:
    """Return a function that runs the parts of a composite operator."""
    return partial(func._op_dk, torch._C.DispatchKey.CompositeImplicitAutograd)


def _is_composite(func: torch._ops.OpOverload) -> bool:
    """Return whether an operator's kernel is a sequence of other operators.

    ``func.decompose`` would also take sequences in Python, which give other bits than the kernel.
    """
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key)
