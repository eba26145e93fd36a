"""Follows the weights of a softmax through the operators between it and the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ...recording.captured import CapturedAttention, Unreadable
from ..listener import Listener
from ..owners import Owner
from ..unread import is_called_attention
from ._late_normalising import divides_rows, is_renormalised
from ._nodes import Layout, storage_of, tensors_in, weak_reference
from ._weights import UNMET, PendingAttention, Weights, changes_nothing, check_product, values_of

_AT_MOST = 64
_COPIES = frozenset(("clone", "_to_copy", "copy"))


class WeightTracker:
    """Follows weights on their way to the values.

    Args:
        find_owner: returns the module that is attending.
        listener: is told of each attention, read or refused.

    Attributes:
        by_storage: tensors of weights by their storage.
    """

    def __init__(self, find_owner: Callable[[], Owner | None], listener: Listener) -> None:
        self._find_owner, self._listener = find_owner, listener
        self.by_storage: dict[int, Weights] = {}
        self._noises: dict[int, tuple[StorageWeakRef, float]] = {}

    def __bool__(self) -> bool:
        return bool(self.by_storage)

    def __contains__(self, x: Tensor) -> bool:
        return storage_of(x) in self.by_storage

    def follow(self, weights: Weights, out: Tensor) -> None:
        """Follow the result of a softmax."""
        self.by_storage[storage_of(out)] = weights

    def forget_dead(self) -> None:
        """Drop weights whose memory was freed."""
        for key in [key for key, one in self.by_storage.items() if one.reference.expired()]:
            self._drop(key)
        while len(self.by_storage) > _AT_MOST:
            self._drop(next(iter(self.by_storage)))

    def forget(self, x: Tensor) -> None:
        """Drop the weights of a tensor that was overwritten."""
        if x in self:
            self._drop(storage_of(x))

    def finish(self) -> None:
        """Report the attentions that are still open after the last operator."""
        while self.by_storage:
            self._drop(next(iter(self.by_storage)))
        self._noises.clear()

    def note_noise(self, noise: Tensor, keep: float) -> None:
        """Note the zeros and ones of a dropout; ones have probability ``keep``."""
        self._noises[storage_of(noise)] = (weak_reference(noise), 1 - keep)

    def step(
        self, operator: torch._ops.OpOverload, args: Sequence[Any], out: Tensor, view: Tensor
    ) -> None:
        """Process an operator between softmax and values: a dropout, a copy, or another.

        Args:
            operator, args, out: one of its results, and what it was called with.
            view: the argument that is weights, possibly a part of them or in another order of axes.
        """
        weights = self.by_storage[storage_of(view)]
        in_place = operator._schema.is_mutable and storage_of(out) == storage_of(view)
        if storage_of(out) == storage_of(view) and not in_place:
            return  # a view
        if not out.is_floating_point() or out.numel() < 2:
            return
        name = operator._schema.name.partition("::")[2].rstrip("_")
        if name == "mul" and out.numel() > view.numel():
            self._multiplies_values(weights)
            return
        why = weights.change
        again = why and out.shape == view.shape and divides_rows(name, args, view)
        if again and self._is_normalised_again(weights, out, view):
            return
        if not why and in_place:
            why = self._change_by(weights, name, operator, args, out)
            weights.change = why
            # The softmax's own numbers are lost, unless they were copied.
            weights.attention.change = weights.attention.change or why
            return
        after = Weights(Layout.of(out), weak_reference(out), weights.attention)
        after.dtypes = weights.dtypes
        if not why and out.shape == view.shape:
            try:
                after = weights.copied_to(out, view, weak_reference(out))
                if name not in _COPIES:
                    why = self._change_by(after, name, operator, args, out)
            except Unreadable:
                why = f"a part of them went through {operator}"
        after.change = why or ("" if out.shape == view.shape else f"they went through {operator}")
        self.by_storage[storage_of(out)] = after

    def _is_normalised_again(self, weights: Weights, out: Tensor, view: Tensor) -> bool:
        """Return whether changed weights are those of a softmax again."""
        try:
            after = weights.copied_to(out, view, weak_reference(out))
        except Unreadable:
            return False
        if not is_renormalised(after, out):
            return False
        after.change = ""
        self.by_storage[storage_of(out)] = after
        return True

    def _change_by(
        self,
        weights: Weights,
        name: str,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        out: Tensor,
    ) -> str:
        """Return what an operator other than a copy did to weights; "" for a dropout."""
        captured = weights.attention.captured
        dropout = self.dropout_of(name, args)
        if dropout is not None:
            if captured is not None:
                captured.dropout = dropout
            return ""
        return "" if changes_nothing(weights, out) else f"they went through {operator}"

    def dropout_of(self, name: str, args: Sequence[Any]) -> float | None:
        """Return the probability with which an operator drops weights; None if it is no dropout."""
        if name == "native_dropout":
            return float(args[1]) if args[2] is not False else 0.0
        if name == "mul":
            for x in tensors_in(args):
                if storage_of(x) in self._noises:
                    return self._noises.pop(storage_of(x))[1]
        return None

    def meets_values(self, lhs: Tensor, rhs: Tensor, out: Tensor | None) -> bool:
        """Return whether a product is weights times values; if so, report the attention.

        Args:
            lhs, rhs: its factors.
            out: the product; None where something else was added to it.
        """
        if rhs in self and lhs not in self:
            lhs, rhs = rhs.transpose(-1, -2), lhs.transpose(-1, -2)
            out = None if out is None else out.transpose(-1, -2)
        weights = self.by_storage.get(storage_of(lhs))
        if weights is None:
            return False
        lhs, rhs = (x if x.ndim == 3 else x.unsqueeze(0) for x in (lhs, rhs))
        out = out if out is None or out.ndim == 3 else out.unsqueeze(0)
        attention = weights.attention
        # It sums over another axis than the keys, so the result is no attention's output.
        if not weights.change and not weights.along_keys(lhs):
            why = "a product went along another axis of them than that of the keys"
            attention.change = attention.change or why
            if out is not None:
                after = Weights(Layout.of(out), weak_reference(out), attention, change=why)
                self.by_storage[storage_of(out)] = after
            return True
        if weights.change:
            attention.change = attention.change or weights.change
            return True
        captured = attention.captured
        if captured is not None and not attention.is_over:
            self._take_values(weights, captured, lhs, rhs, out)
        self.tell(attention)
        return True

    def _take_values(
        self,
        weights: Weights,
        captured: CapturedAttention,
        lhs: Tensor,
        rhs: Tensor,
        out: Tensor | None,
    ) -> None:
        """Read the values of an attention, and compare its output with the map's."""
        attention = weights.attention
        try:
            if captured.dropout == 0 and out is not None:
                check_product(weights, lhs, rhs, out)
        except Unreadable as error:
            attention.captured, attention.why = None, str(error)
            return
        try:
            captured.value = values_of(weights, captured, lhs, rhs)
        except Unreadable:
            captured.value = None

    def _multiplies_values(self, weights: Weights) -> None:
        """Process an elementwise product of weights and values, which is summed later."""
        attention = weights.attention
        if weights.change:
            attention.change = attention.change or weights.change
        elif attention.captured is not None:
            self.tell(attention)
        elif attention.owner is None:
            owner = self._find_owner()
            if owner is not None and is_called_attention(owner.module):
                attention.owner = owner
                self.refuse(attention)

    def _drop(self, key: int) -> None:
        """Drop a tensor of weights; if it is the last one of its attention, report that."""
        attention = self.by_storage.pop(key).attention
        if attention.is_over or any(one.attention is attention for one in self.by_storage.values()):
            return
        if attention.owner is None:
            return  # probably no attention, but a router or a gate
        if attention.change:
            attention.captured = None
            attention.why = (
                f"its weights were changed between softmax and values: {attention.change}"
            )
            self.refuse(attention)
        elif attention.captured is not None:
            if not attention.certain and not is_called_attention(attention.owner.module):
                return  # more likely features and classes
            attention.captured.notes += (UNMET,)
            self.tell(attention)

    def tell(self, attention: PendingAttention) -> None:
        """Report an attention, read or refused, unless it was reported before."""
        if attention.is_over:
            return
        if attention.captured is None:
            self.refuse(attention)
            return
        attention.is_over = True
        assert attention.owner is not None
        self._listener.add(attention.owner, attention.captured)

    def refuse(self, attention: PendingAttention) -> None:
        """Refuse an attention, unless it was reported before."""
        if attention.is_over:
            return
        attention.is_over = True
        owner = attention.owner or self._find_owner()
        if owner is not None:
            self._listener.refuse(owner, attention.why, "explicit")
