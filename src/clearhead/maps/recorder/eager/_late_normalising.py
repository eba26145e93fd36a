"""Reads weights that are normalised late: normalised again, or only after the values.

Weights that were partly set to zero and divided by their sums are those of a softmax over the
remaining keys: w_j / sum of the remaining w is exp(s_j) / sum of the remaining exponentials. The
numbers are compared, to be sure.

If exponentials of scores meet the values first, the output is divided by their sums instead. The
output is linear in the weights, so this makes no difference but for rounding. The divisors must be
the sums of the exponentials, in all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ....shapes import Float
from ...recording.captured import CapturedAttention, Unreadable
from ...scores.masks.compaction import compact_visible
from ...scores.masks.key_mask import intersection
from ..agreement import check_weights, map_of
from ..listener import Listener
from ..owners import Owner
from ._nodes import Node, is_forward_mode, storage_of, weak_reference
from ._weights import Weights

_LARGEST = 1 << 26  # weights that are compared
_WITHOUT_SOFTMAX = "its scores met the values without a softmax"
_NOT_NORMALISED = "its scores met the values before their exponentials were normalised"
_RELATIVE = 1e-4  # how far the divisors may be from the sums


def divides_rows(name: str, args: Sequence[Any], weights: Tensor) -> bool:
    """Return whether an operator scales each row of weights by a number of its own.

    Args:
        name: of the operator.
        args: what it was called with.
        weights: one of the arguments.
    """
    if name not in ("div", "mul") or len(args) < 2:
        return False
    other = args[1] if args[0] is weights else args[0]
    if not isinstance(other, Tensor) or other.ndim != weights.ndim:
        return False
    return (name == "mul" or args[0] is weights) and any(
        other.shape[axis] == 1 or other.stride(axis) == 0 for axis in range(other.ndim)
    )


def is_renormalised(weights: Weights, out: Tensor) -> bool:
    """Return whether weights are those of a softmax over fewer keys; if so, change their attention.

    Args:
        weights: the weights, with the layout of the numbers in ``out``.
        out: the weights after the second normalisation.
    """
    attention, axes = weights.attention, weights.axes
    captured = attention.captured
    if captured is None or axes is None or captured.dropout or out.numel() > _LARGEST:
        return False
    layout = weights.layout
    truth = axes.four(out.detach().as_strided(layout.shape, layout.stride, layout.offset))
    truth = truth[..., : captured.key.shape[2]].nan_to_num(0.0)
    try:
        over_fewer = _over_fewer_keys(captured, truth)
        check_weights(over_fewer, truth, dtypes=weights.dtypes, every_row=True)
    except Unreadable:
        return False
    attention.captured, attention.change = over_fewer, ""
    return True


def _over_fewer_keys(captured: CapturedAttention, truth: Tensor) -> CapturedAttention:
    """Return the attention without the keys whose weight became zero.

    Raises:
        Unreadable: it has sinks, and it is unknown whether their share was left out.
    """
    scoring = captured.scoring
    if scoring.sinks is not None:
        raise Unreadable("weights beside sinks were normalised again")
    hidden = (truth == 0) & (map_of(captured)[...] > 0)
    if bool((hidden == hidden[:1, :1]).all()):
        hidden = hidden[:1, :1]
    fewer = compact_visible(~hidden, truth.shape[2], truth.shape[3])
    mask = intersection(scoring.mask, fewer)
    return replace(captured, scoring=replace(scoring, mask=mask))


@dataclass(eq=False)
class _Numerators:
    """A product of exponentials and values, until it is divided.

    Attributes:
        owner: the module that computed them.
        node: of the exponentials.
        exponentials: as computed, with the keys on the last axis.
        value: the values that they met.
        reference: to the memory of the product.
        may_be_tangent: whether the values may be tangents of values.
    """

    owner: Owner
    node: Node
    exponentials: Float[Tensor, "*lead rows keys"]
    value: Float[Tensor, "matrices keys value_dim"]
    reference: StorageWeakRef
    may_be_tangent: bool = False


Normalise = Callable[[Node, Tensor, Tensor, Tensor, Tensor], bool]
"""Reads an attention from a node, its exponentials, weights, values and output."""


class NumeratorTracker:
    """Follows scores, and exponentials of scores, that met values before being normalised.

    Args:
        find_owner: returns the module that is attending.
        parameters: storages of the model's parameters.
        listener: hears of each attention that cannot be read.
        normalise: reads an attention, and returns whether that was possible.
    """

    def __init__(
        self,
        find_owner: Callable[[], Owner | None],
        parameters: frozenset[int],
        listener: Listener,
        normalise: Normalise,
    ) -> None:
        self._find_owner, self._parameters = find_owner, parameters
        self._listener, self._normalise = listener, normalise
        self.by_storage: dict[int, _Numerators] = {}

    def meets_values(self, node: Node | None, lhs: Tensor, rhs: Tensor, out: Tensor) -> bool:
        """Return whether scores meet values without a softmax: refused unless divided later.

        Args:
            node: of the left factor; None if it is not scores.
            lhs, rhs, out: the factors and their product.
        """
        if node is None or not node.product.certain or lhs.numel() != node.layout.numel:
            return False
        if lhs.shape[-1] != node.layout.shape[-1] or storage_of(lhs) in self._parameters:
            return False
        if storage_of(node.product.lhs) in self._parameters:
            return False
        can_follow = node.why_unknown is None and node.is_exponential
        if is_forward_mode() and not can_follow:
            return False  # the tangent of an attention meets values as well
        owner = self._find_owner()
        if owner is None:
            return False
        if can_follow:
            value = rhs.detach() if rhs.ndim == 3 else rhs.detach()[None]
            self.by_storage[storage_of(out)] = _Numerators(
                owner, node, _with_own_axes(lhs.detach(), node), value, weak_reference(out)
            )
            self.by_storage[storage_of(out)].may_be_tangent = is_forward_mode()
        else:
            why = _NOT_NORMALISED if node.is_exponential else _WITHOUT_SOFTMAX
            self._listener.refuse(owner, node.why_unknown or why, "explicit")
        return True

    def is_divided(self, operator: torch._ops.OpOverload, args: Sequence[Any], out: Any) -> bool:
        """Return whether an operator divides such a product by the sums of its exponentials.

        If so, the attention is reported.
        """
        first = args[0] if args else None
        if not isinstance(first, Tensor) or storage_of(first) not in self.by_storage:
            return False
        if operator._schema.name.rstrip("_") != "aten::div" or not isinstance(args[1], Tensor):
            return False
        numerators = self.by_storage.pop(storage_of(first))
        exponentials, value = numerators.exponentials, numerators.value
        sums = exponentials.sum(-1, keepdim=True, dtype=torch.float64)
        divisor = args[1].detach()
        shape = (value.shape[0], -1, value.shape[2])
        if divisor.numel() != sums.numel() or out.numel() != sums.numel() * value.shape[2]:
            self._refuse(numerators)
            return True
        off = (divisor.double().reshape(sums.shape) - sums).abs() > _RELATIVE * sums
        weights = (exponentials / sums.to(exponentials.dtype)).nan_to_num_(0.0)
        output = out.detach().reshape(shape)
        if bool(off.any()) or not self._normalise(
            numerators.node, exponentials, weights, value, output
        ):
            self._refuse(numerators)
        return True

    def before_a_write(self, storage: int) -> None:
        """Copy exponentials and values that the model is about to write to."""
        for one in self.by_storage.values():
            one.node.copy_before_a_write(storage)
            if storage_of(one.exponentials) == storage:
                one.exponentials = one.exponentials.clone()
            if storage_of(one.value) == storage:
                one.value = one.value.clone()

    def forget_dead(self, *, every: bool = False) -> None:
        """Refuse attentions whose product was freed without a division, or all that are left."""
        for key in [k for k, one in self.by_storage.items() if every or one.reference.expired()]:
            self._refuse(self.by_storage.pop(key))

    def _refuse(self, numerators: _Numerators) -> None:
        if numerators.may_be_tangent:
            return
        why = numerators.node.why_unknown or _NOT_NORMALISED
        self._listener.refuse(numerators.owner, why, "explicit")


def _with_own_axes(lhs: Tensor, node: Node) -> Tensor:
    """Return exponentials with the axes of their computation, with batch and heads separate."""
    if lhs.ndim != 3:
        lhs = lhs[None]
    layout = node.layout
    own = lhs.as_strided(layout.shape, layout.stride, layout.offset)
    same = own.is_contiguous() and lhs.is_contiguous() and lhs.storage_offset() == layout.offset
    return own if same and own.shape[-2:] == lhs.shape[-2:] else lhs
