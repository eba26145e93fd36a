"""Recognises attention that a model computes by itself: product, softmax, product.

Between the product of queries and keys and the softmax, scores are scaled, capped, masked and
copied. Each such operator is noted as it runs; at the softmax the notes are read backwards. What
is not understood is refused, and what is understood is compared with the model's own weights and
with its output, so that no number is told that is not the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from .agreement import check_weights
from .captured import Captured, Unreadable
from .explicit_weights import (
    UNMET,
    Attention,
    Weights,
    changes_nothing,
    check_product,
    values_of,
)
from .mask_cache import MaskCache
from .merged_axes import Copies
from .module_chain import Chain
from .owners import Owner, common_owner
from .score_nodes import (
    Added,
    Layout,
    Lost,
    Node,
    Product,
    Scaled,
    Step,
    storage_of,
    weak_reference,
)
from .score_reading import Surroundings, read_scores
from .score_steps import BASE_NAMES, step_of
from .unread import is_called_attention

_AT_MOST = 64
_COPIES = frozenset(("clone", "_to_copy", "copy"))


class ScoreTracker:
    """Follows the scores of one thread.

    Args:
        find_owner: who is attending now.
        find_chain: the modules that are running now.
        parameters: storages of the model's parameters: what they multiply are no scores.
        captured: called with each attention that was read.
        refused: called with each that was not, and why.
    """

    def __init__(
        self,
        find_owner: Callable[[], Owner | None],
        find_chain: Callable[[], Chain],
        parameters: frozenset[int],
        masks: MaskCache,
        captured: Callable[[Owner, Captured], None],
        refused: Callable[[Owner, str, str], None],
    ) -> None:
        self._find_owner, self._find_chain = find_owner, find_chain
        self._parameters = parameters
        self._masks = masks
        self._captured = captured
        self._refused = refused
        self.copies = Copies()
        self._nodes: dict[int, Node] = {}
        self._weights: dict[int, Weights] = {}
        self._noises: dict[int, tuple[StorageWeakRef, float]] = {}

    @property
    def live(self) -> bool:
        """Whether there is anything to follow."""
        return bool(self._nodes or self._weights)

    def forget_dead(self) -> None:
        """Drops notes on memory that was given back; weights that met no values are told now."""
        for key in [key for key, node in self._nodes.items() if node.reference.expired()]:
            del self._nodes[key]
        for key in [key for key, one in self._weights.items() if one.reference.expired()]:
            self._leave(key)
        while len(self._nodes) > _AT_MOST:
            del self._nodes[next(iter(self._nodes))]
        while len(self._weights) > _AT_MOST:
            self._leave(next(iter(self._weights)))

    def finish(self) -> None:
        """Tells what is left."""
        while self._weights:
            self._leave(next(iter(self._weights)))
        self._nodes.clear()
        self._noises.clear()
        self.copies.clear()

    # Operators

    def is_projection(self, args: Sequence[Any]) -> bool:
        """Whether a product's second factor is a parameter: most are, and begin no attention."""
        right = args[-1]
        return not right.is_nested and storage_of(right) in self._parameters

    def before_a_write(self, x: Tensor) -> None:
        """Called before the model writes to a tensor."""
        storage = storage_of(x)
        for node in self._nodes.values():
            node.keep_before_a_write(storage)

    def after_a_write(self, x: Tensor, args: Sequence[Any]) -> None:
        """Called after the model wrote to a tensor, with the operator's other arguments."""
        storage = storage_of(x)
        if not any(storage_of(one) == storage for one in _tensors(args)):
            self._nodes.pop(storage, None)  # something else lies there now
            if storage in self._weights:
                self._leave(storage)

    def product(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor
    ) -> None:
        """bmm, mm or baddbmm: the beginning or the end of an attention."""
        bias, left, right = args if name == "baddbmm" else (None, *args)
        self.forget_dead()
        if self._meets_values(left, right, out):
            return
        if self._mixes_heads(left, right, out) or storage_of(right) in self._parameters:
            return
        if self._unnormalised(left, right):
            return
        node = Node(Layout.of(out), Product.of(left, right, name), weak_reference(out))
        node.dtype, node.modules = out.dtype, self._find_chain()
        if out.ndim == 2:
            node.layout = Layout((1, *node.layout.shape), (out.numel(), *node.layout.stride), 0)
        if bias is not None:
            alpha, beta = kwargs.get("alpha", 1), kwargs.get("beta", 1)
            whole, reference = node.layout, node.reference
            node = Node(whole, Scaled(float(alpha)), reference, node, whole, out.dtype)
            if beta != 0:
                node = Node(whole, Added(bias, float(beta)), reference, node, whole, out.dtype)
        self._nodes[storage_of(out)] = node

    def softmax(self, args: Sequence[Any], out: Tensor) -> None:
        """A softmax over scores, or over anything else."""
        self.forget_dead()
        scores, axis = args[0], args[1] % max(args[0].ndim, 1)
        if scores.ndim == 1:
            scores, out, axis = scores[None], out[None], 1
        node = self._nodes.pop(storage_of(scores), None)
        if node is not None and node.product.name == "mm" and scores.ndim > 2:
            node = None  # a matrix that serves a whole batch is one of weights: a vocabulary
        attention = Attention()
        dtypes = (scores.dtype, out.dtype)
        layout = Layout.of(out).moved(axis, -1)
        weights = Weights(layout, weak_reference(out), attention, dtypes=dtypes)
        if node is None:
            attention.why = (
                "its scores are not a product of queries and keys that could be followed"
            )
        else:
            attention.owner = common_owner(node.modules, self._find_owner())
            if attention.owner is None:
                return
            try:
                self._read(weights, node, scores, axis, out)
            except Unreadable as error:
                attention.why = str(error)
                self._refuse(attention)
        self._weights[storage_of(out)] = weights

    def noise(self, noise: Tensor, keep: float) -> None:
        """Zeros and ones of a dropout."""
        self._noises[storage_of(noise)] = (weak_reference(noise), 1 - keep)

    def other(
        self,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        """Any operator while there is something to follow."""
        tensors = _tensors(args)
        tracked = [x for x in tensors if storage_of(x) in self._nodes]
        weighted = [x for x in tensors if storage_of(x) in self._weights]
        if not tracked and not weighted:
            return
        self.forget_dead()
        results = _tensors([out])
        if tracked:
            for result in results:
                self._score_step(operator, args, kwargs, result, tracked)
        elif results:
            for result in results:
                self._weights_step(operator, args, result, weighted[0])

    # What they mean

    def _score_step(
        self,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Tensor,
        tracked: list[Tensor],
    ) -> None:
        name = operator._schema.name.partition("::")[2]
        writes = operator._schema.is_mutable
        live = [x for x in tracked if self._nodes[storage_of(x)].lost is None]
        scores = (live or tracked)[0]
        if storage_of(out) == storage_of(scores) and not writes:
            return  # a view
        node = self._nodes[storage_of(scores)]
        two = len({storage_of(x) for x in live if self._nodes[storage_of(x)].product.certain}) > 1
        step: Step
        if two:
            step = Lost("its scores are the sum or product of two products")
        elif name.rstrip("_") in BASE_NAMES:
            step = step_of(name.rstrip("_"), args, kwargs, scores)
        else:
            step = Lost(f"its scores went through {operator}, which is not understood")
        sink = type(step).__name__ == "SinkAppended"
        if not sink and out.shape != scores.shape and not isinstance(step, Lost):
            step = Lost(f"its scores were broadcast by {operator}")
        if isinstance(step, Lost) and (
            not node.product.certain or out.numel() * 2 < scores.numel()
        ):
            if writes:
                self._nodes.pop(storage_of(scores), None)
            return
        self._nodes[storage_of(out)] = Node(
            Layout.of(out), step, weak_reference(out), node, Layout.of(scores), out.dtype
        )

    def _read(self, weights: Weights, node: Node, scores: Tensor, axis: int, out: Tensor) -> None:
        owner = weights.attention.owner
        assert owner is not None
        for _, call in owner.calls:
            for x in call.values():
                if isinstance(x, Tensor) and x.ndim > 2 and type(x) is Tensor:
                    self.copies.note_whole(x)
        around = Surroundings(owner.head_hints, owner.batches, self.copies, self._masks)
        reading = read_scores(node, scores, axis, around)
        captured = reading.captured
        # The model may use their memory again before the weights meet the values.
        captured.query, captured.key = captured.query.clone(), captured.key.clone()
        dtypes = {one.dtype for one in node.chain()} | {captured.query.dtype, *weights.dtypes}
        weights.dtypes = tuple(dtypes)
        check_weights(captured, reading.axes.four(out.detach()), dtypes=weights.dtypes)
        weights.attention.captured = captured
        weights.heads, weights.axes = reading.heads, replace(reading.axes, softmax=-1)

    def _weights_step(
        self, operator: torch._ops.OpOverload, args: Sequence[Any], out: Tensor, seen: Tensor
    ) -> None:
        """A dropout, a copy, or something else between softmax and values."""
        weights = self._weights[storage_of(seen)]
        in_place = operator._schema.is_mutable and storage_of(out) == storage_of(seen)
        if storage_of(out) == storage_of(seen) and not in_place:
            return  # a view
        if not out.is_floating_point() or out.numel() < 2:
            return
        name = operator._schema.name.partition("::")[2].rstrip("_")
        if name == "mul" and out.numel() > seen.numel():
            self._multiplies_values(weights)
            return
        why = weights.changed
        if not why and in_place:
            why = self._changed_in(weights, name, operator, args, out)
            weights.changed = why
            # Unless a copy of them was made, the softmax's own are nowhere any more.
            weights.attention.changed = weights.attention.changed or why
            return
        after = Weights(Layout.of(out), weak_reference(out), weights.attention)
        after.dtypes = weights.dtypes
        if not why and out.shape == seen.shape:
            try:
                after = weights.copied_to(out, seen, weak_reference(out))
                if name not in _COPIES:
                    why = self._changed_in(after, name, operator, args, out)
            except Unreadable:
                why = f"a part of them went through {operator}"
        after.changed = why or ("" if out.shape == seen.shape else f"they went through {operator}")
        self._weights[storage_of(out)] = after

    def _changed_in(
        self,
        weights: Weights,
        name: str,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        out: Tensor,
    ) -> str:
        """What an operator that is no copy did to weights; nothing for a dropout."""
        captured = weights.attention.captured
        dropout = self._dropout(name, args)
        if dropout is not None:
            if captured is not None:
                captured.dropout = dropout
            return ""
        return "" if changes_nothing(weights, out) else f"they went through {operator}"

    def _dropout(self, name: str, args: Sequence[Any]) -> float | None:
        """The probability with which an operator drops weights; None if it is no dropout."""
        if name == "native_dropout":
            return float(args[1]) if args[2] is not False else 0.0
        if name == "mul":
            for x in _tensors(args):
                if storage_of(x) in self._noises:
                    return self._noises.pop(storage_of(x))[1]
        return None

    def _meets_values(self, left: Tensor, right: Tensor, out: Tensor) -> bool:
        """Whether a product is that of weights and values."""
        if storage_of(right) in self._weights and storage_of(left) not in self._weights:
            left, right, out = (x.transpose(-1, -2) for x in (right, left, out))
        weights = self._weights.get(storage_of(left))
        if weights is None:
            return False
        left, right, out = (x if x.ndim == 3 else x.unsqueeze(0) for x in (left, right, out))
        attention = weights.attention
        if not weights.changed and not weights.along_keys(left):
            after = Weights(Layout.of(out), weak_reference(out), attention, dtypes=weights.dtypes)
            after.changed = "a product went along another axis of them than that of the keys"
            attention.changed = attention.changed or after.changed
            self._weights[storage_of(out)] = after
            return True
        if weights.changed:
            attention.changed = attention.changed or weights.changed
            return True
        captured = attention.captured
        if captured is not None and not attention.over:
            self._take_values(weights, captured, left, right, out)
        self._tell(attention)
        return True

    def _take_values(
        self, weights: Weights, captured: Captured, left: Tensor, right: Tensor, out: Tensor
    ) -> None:
        """The values of an attention, after its output was compared with the map's."""
        attention = weights.attention
        try:
            if captured.dropout == 0:
                check_product(weights, left, right, out)
        except Unreadable as error:
            attention.captured, attention.why = None, str(error)
            return
        try:
            captured.value = values_of(weights, captured, left, right)
        except Unreadable:
            captured.value = None

    def _multiplies_values(self, weights: Weights) -> None:
        """Values were multiplied with the weights element by element, to be summed."""
        attention = weights.attention
        if weights.changed:
            attention.changed = attention.changed or weights.changed
        elif attention.captured is not None:
            self._tell(attention)
        elif attention.owner is None:
            owner = self._find_owner()
            if owner is not None and is_called_attention(owner.module):
                attention.owner = owner
                self._refuse(attention)

    def _mixes_heads(self, left: Tensor, right: Tensor, out: Tensor) -> bool:
        """Whether a product takes sums over heads of scores, not over their keys."""
        node = self._nodes.get(storage_of(left))
        if node is None or not node.product.certain or left.numel() != node.layout.numel:
            return False
        axes = node.layout.stride
        if left.stride(-1) == axes[-1] and left.shape[-1] == node.layout.shape[-1]:
            return False
        step = Lost("its scores were mixed with those of other heads by a product")
        layout = Layout.of(out)
        self._nodes[storage_of(out)] = Node(
            layout, step, weak_reference(out), node, layout, out.dtype
        )
        return True

    def _unnormalised(self, left: Tensor, right: Tensor) -> bool:
        """Whether scores meet values without a softmax."""
        node = self._nodes.get(storage_of(left))
        if node is None or not node.product.certain or left.numel() != node.layout.numel:
            return False
        if left.shape[-1] != node.layout.shape[-1] or storage_of(left) in self._parameters:
            return False
        if storage_of(node.product.left) in self._parameters:
            return False
        if torch.autograd.forward_ad._current_level >= 0:
            return False  # the derivative of an attention meets values as well
        owner = self._find_owner()
        if owner is None:
            return False
        why = node.lost or "its scores met the values without a softmax"
        self._refused(owner, why, "explicit")
        return True

    # Telling

    def _leave(self, key: int) -> None:
        """Weights go out of sight, and with the last tensor of them their attention."""
        attention = self._weights.pop(key).attention
        if attention.over or any(one.attention is attention for one in self._weights.values()):
            return
        if attention.owner is None:
            return  # no attention that is known of: a router, a gate
        if attention.changed:
            attention.captured = None
            attention.why = (
                f"its weights were changed between softmax and values: {attention.changed}"
            )
            self._refuse(attention)
        elif attention.captured is not None:
            attention.captured.notes += (UNMET,)
            self._tell(attention)

    def _tell(self, attention: Attention) -> None:
        if attention.over:
            return
        if attention.captured is None:
            self._refuse(attention)
            return
        attention.over = True
        assert attention.owner is not None
        self._captured(attention.owner, attention.captured)

    def _refuse(self, attention: Attention) -> None:
        if attention.over:
            return
        attention.over = True
        owner = attention.owner or self._find_owner()
        if owner is not None:
            self._refused(owner, attention.why, "explicit")


def _tensors(args: Sequence[Any]) -> list[Tensor]:
    tensors = []
    for x in args:
        if isinstance(x, Tensor):
            tensors.append(x)
        elif isinstance(x, list | tuple):
            tensors.extend(y for y in x if isinstance(y, Tensor))
    return tensors
