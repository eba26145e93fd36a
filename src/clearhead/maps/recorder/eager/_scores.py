"""Recognises attention that a model writes out in operators: product, softmax, product.

Between the product of queries and keys and the softmax, scores are scaled, capped, masked and
copied. Each such operator becomes a node as it runs; at the softmax the chain of nodes is read
backwards. A chain that is not understood is refused. Any other is compared with the model's own
weights and output, so that every number shown is the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...recording.captured import Unreadable
from ..listener import Listener
from ..mask_cache import MaskCache
from ..owners import Chain, Owner, common_owner
from ._double_softmax import are_whole, follow_again
from ._exponentials import normalised_axis, normalising_axis
from ._late_normalising import NumeratorTracker
from ._merged_axes import Copies, split_of_four
from ._nodes import (
    Addition,
    Exponential,
    Layout,
    Node,
    Product,
    Scaling,
    Step,
    UnknownStep,
    along_last_axis,
    storage_of,
    tensors_in,
    weak_reference,
)
from ._reading import read_weights
from ._steps import next_step, of_several_products
from ._tracker import WeightTracker
from ._weights import PendingAttention, Weights
from .assembled import AssembledTracker, WaitingListener, check_order

_AT_MOST = 64
_NO_PRODUCT = "its scores are not a product of queries and keys that could be followed"
_OF_WEIGHTS = "a softmax was taken of weights that had been changed, or of a part of them"
_PROJECTIONS = frozenset(("addmm", "linear"))


class ScoreTracker:
    """Follows the scores of one thread.

    Args:
        find_owner: returns the module that is attending.
        find_chain: returns the modules that are running now.
        parameters: storages of the model's parameters: a product with a parameter gives no scores.
        masks: the cache of compact masks.
        listener: is told of each attention, read or refused.

    Attributes:
        copies: remembers the sources of copies.
        scores: the last node of each tensor of scores, by its storage.
        weights: follows the results of softmaxes.
        assembled: follows scores of several products.
        numerators: follows exponentials that meet values before they are divided.
    """

    def __init__(
        self,
        find_owner: Callable[[], Owner | None],
        find_chain: Callable[[], Chain],
        parameters: frozenset[int],
        masks: MaskCache,
        listener: Listener,
    ) -> None:
        self._find_owner, self._find_chain = find_owner, find_chain
        listener = WaitingListener(listener)
        self._parameters, self._masks, self._listener = parameters, masks, listener
        self.copies = Copies()
        self.scores: dict[int, Node] = {}
        self.weights = WeightTracker(find_owner, listener)
        self.numerators = NumeratorTracker(
            find_owner, parameters, listener, self._normalise_after_values
        )
        self.assembled = AssembledTracker(find_owner, listener, self.weights.dropout_of)

    @property
    def live(self) -> bool:
        """Whether anything is being followed."""
        return bool(
            self.scores or self.weights or self.assembled.memories or self.numerators.by_storage
        )

    def forget_dead(self) -> None:
        """Drop nodes of freed memory, and report attentions that met no values."""
        for key in [key for key, node in self.scores.items() if node.reference.expired()]:
            del self.scores[key]
        self.weights.forget_dead()
        self.assembled.forget_dead()
        self.numerators.forget_dead()
        while len(self.scores) > _AT_MOST:
            del self.scores[next(iter(self.scores))]

    def finish(self) -> None:
        """Report the attentions that are still open after the last operator."""
        self.weights.finish()
        self.assembled.finish()
        self.numerators.forget_dead(every=True)
        self.scores.clear()
        self.copies.clear()

    def is_heads_first(self, query: Tensor, owner: Owner) -> bool:
        """Return whether a kernel's queries have the heads where it expects the batch."""
        return split_of_four(query, self.copies, owner.head_hints, owner.batches).heads_first

    def is_projection(self, args: Sequence[Any]) -> bool:
        """Return whether a product's second factor is a parameter, so that no attention begins."""
        try:
            return storage_of(args[-1]) in self._parameters
        except (RuntimeError, NotImplementedError):  # nested, or without storage
            return False

    def before_a_write(self, x: Tensor) -> None:
        """Copy tensors that nodes refer to and that the model is about to overwrite."""
        storage = storage_of(x)
        for node in self.scores.values():
            node.copy_before_a_write(storage)
        self.assembled.before_a_write(storage)
        self.numerators.before_a_write(storage)

    def after_a_write(self, x: Tensor, args: Sequence[Any]) -> None:
        """Forget a tensor that was overwritten, unless by an in-place step on its own numbers."""
        storage = storage_of(x)
        if not any(storage_of(one) == storage for one in tensors_in(args)):
            self.scores.pop(storage, None)
            self.weights.forget(x)

    def product(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor
    ) -> None:
        """Process a product (bmm, mm or baddbmm): the beginning or the end of an attention."""
        self.forget_dead()
        bias, lhs, rhs = args if name == "baddbmm" else (None, *args)
        if self.weights.meets_values(lhs, rhs, None if bias is not None else out):
            return
        if self.assembled.product(lhs, rhs, out):
            return
        # It is neither weights times values nor scores times anything, so a chain of nodes begins.
        if self._mixes_heads(lhs, out) or storage_of(rhs) in self._parameters:
            return
        if self.numerators.meets_values(self.scores.get(storage_of(lhs)), lhs, rhs, out):
            return
        node = Node(Layout.of(out), Product.of(lhs, rhs, name), weak_reference(out))
        node.dtype, node.modules = out.dtype, self._find_chain()
        if out.ndim == 2:
            node.layout = Layout((1, *node.layout.shape), (out.numel(), *node.layout.stride), 0)
        if bias is not None:
            alpha, beta = kwargs.get("alpha", 1), kwargs.get("beta", 1)
            whole, reference = node.layout, node.reference
            node = Node(whole, Scaling(float(alpha)), reference, node, whole, out.dtype)
            if beta != 0:
                node = Node(whole, Addition(bias, float(beta)), reference, node, whole, out.dtype)
        self.scores[storage_of(out)] = node

    def softmax(self, args: Sequence[Any], out: Tensor) -> None:
        """Process a softmax, over scores or over anything else."""
        self.forget_dead()
        scores, axis = args[0], args[1] % max(args[0].ndim, 1)
        if scores.ndim == 1:
            scores, out, axis = scores[None], out[None], 1
        node = self.scores.pop(storage_of(scores), None)
        if self.assembled.softmax(scores, axis, out, node):
            return
        if node is not None and node.product.name == "mm" and scores.ndim > 2:
            node = None  # one matrix for a whole batch is a parameter, such as a vocabulary
        if node is not None and node.is_exponential:
            step = UnknownStep("a softmax was taken of the exponentials of its scores")
            node = self._add(node, step, scores, Layout.of(scores), Layout.of(scores))
        first = self.weights.by_storage.get(storage_of(scores))
        if node is None and are_whole(first, scores, axis):
            follow_again(self.weights, first, scores, axis, out, self._masks)
        else:
            self._normalise(node, scores, axis, out)

    def _normalise(
        self, node: Node | None, scores: Tensor, axis: int, out: Tensor, *, by_hand: bool = False
    ) -> None:
        """Follow weights, and read their attention.

        Args:
            node: of the scores; None if they are no product.
            scores: the scores, or their exponentials.
            axis: that of the keys.
            out: the weights.
            by_hand: whether exponentials were normalised; then it is no attention unless the result
                is that of a softmax.
        """
        if by_hand and node is not None and node.product.name == "mm" and scores.ndim > 2:
            return  # a vocabulary
        attention = PendingAttention(certain=node is not None and node.product.certain)
        weights = Weights(Layout.of(out).move_axis(axis, -1), weak_reference(out), attention)
        weights.dtypes = (scores.dtype, out.dtype)
        if node is None:
            attention.why = _OF_WEIGHTS if scores in self.weights else _NO_PRODUCT
        else:
            attention.owner = common_owner(node.modules, self._find_owner())
            if attention.owner is None:
                return
            try:
                check_order(self.assembled.movements, node.product)
                read_weights(weights, node, scores, axis, out, self.copies, self._masks)
            except Unreadable as error:
                if by_hand:
                    self._add(node, UnknownStep(str(error)), out, Layout.of(out), Layout.of(scores))
                    return
                attention.why = str(error)
                self.weights.refuse(attention)
        self.weights.follow(weights, out)

    def other(
        self,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        """Process any other operator while something is being followed."""
        if self.numerators.is_divided(operator, args, out):
            return
        if self.assembled.other(operator, args, kwargs, out, self.scores):
            return
        tensors = tensors_in(args)
        scores = [x for x in tensors if storage_of(x) in self.scores]
        weights = [x for x in tensors if x in self.weights]
        if not scores and not weights:
            return
        self.forget_dead()
        if operator._schema.name == "aten::addmm" and self.weights.meets_values(
            args[1], args[2], None
        ):
            return
        results = tensors_in([out])
        for result in results:
            if scores:
                self._score_step(operator, args, kwargs, result, scores)
            if weights:
                self.weights.step(operator, args, result, weights[0])

    def _score_step(
        self,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Tensor,
        candidates: list[Tensor],
    ) -> None:
        """Add a node for an operator on scores.

        Args:
            operator, args, kwargs, out: one of its results, and what it was called with.
            candidates: the arguments that are scores.
        """
        name = operator._schema.name.partition("::")[2]
        writes = operator._schema.is_mutable
        live = [x for x in candidates if self.scores[storage_of(x)].why_unknown is None]
        if live:
            live.sort(key=lambda x: not self.scores[storage_of(x)].product.certain)
        scores = (live or candidates)[0]
        if storage_of(out) == storage_of(scores) and not writes:
            return  # a view
        node = self.scores[storage_of(scores)]
        if name in _PROJECTIONS and along_last_axis(scores, node.layout):
            return  # features of a token, over which no softmax will be taken
        if node.is_exponential:
            axis = normalising_axis(operator, args, scores)
            if axis is not None:
                if writes:
                    self.scores.pop(storage_of(scores), None)
                self._normalise(node, scores, axis % scores.ndim, out, by_hand=True)
                return
        step, after, before = next_step(operator, args, kwargs, out, scores, node)
        if len(live) > 1 and self._are_several_products(live):
            step = of_several_products(step, name)
        # A chain that may be no attention ends here; a certain one will be refused at its softmax.
        if isinstance(step, UnknownStep) and (
            not node.product.certain or out.numel() * 2 < scores.numel()
        ):
            if writes:
                self.scores.pop(storage_of(scores), None)
            return
        result = self._add(node, step, out, after, before)
        if isinstance(step, Exponential):
            axis = normalised_axis(node, out)
            if axis is not None:
                self._normalise(result, out, axis % out.ndim, out, by_hand=True)

    def _are_several_products(self, scores: list[Tensor]) -> bool:
        """Return whether tensors are scores of more than one product."""
        storages = {storage_of(x) for x in scores}
        return sum(self.scores[storage].product.certain for storage in storages) > 1

    def _add(self, node: Node, step: Step, out: Tensor, layout: Layout, operand: Layout) -> Node:
        """Add a node for a step, and return it."""
        after = Node(layout, step, weak_reference(out), node, operand, out.dtype)
        self.scores[storage_of(out)] = after
        return after

    def _mixes_heads(self, lhs: Tensor, out: Tensor) -> bool:
        """Return whether a product sums scores over heads instead of keys.

        If so, it gets a node that is not understood.
        """
        node = self.scores.get(storage_of(lhs))
        if node is None or not node.product.certain or lhs.numel() != node.layout.numel:
            return False
        if along_last_axis(lhs, node.layout):
            return False
        step = UnknownStep("its scores were mixed with those of other heads by a product")
        self._add(node, step, out, Layout.of(out), Layout.of(out))
        return True

    def _normalise_after_values(
        self, node: Node, exponentials: Tensor, weights: Tensor, value: Tensor, output: Tensor
    ) -> bool:
        """Read an attention whose output was normalised instead of its weights."""
        self._normalise(node, exponentials, exponentials.ndim - 1, weights, by_hand=True)
        return self.weights.meets_values(weights.flatten(0, -3), value, output)
