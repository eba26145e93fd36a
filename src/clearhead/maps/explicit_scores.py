"""Recognises attention that a model computes by itself: product, softmax, product.

Between the product of queries and keys and the softmax, scores are scaled, capped, masked and
copied. Each such operator is noted as it runs; at the softmax the notes are read backwards. What
is not understood is refused, and what is understood is compared with the model's own weights in
a few rows, so that no number is told that is not the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from .captured import Captured, Unreadable
from .explicit_weights import Weights, compare, values_of
from .mask_cache import MaskCache
from .owners import Owner, head_hints
from .score_nodes import Added, Layout, Lost, Node, Product, Scaled, Step
from .score_reading import read_scores
from .score_steps import BASE_NAMES, step_of

_AT_MOST = 64


class ScoreTracker:
    """Follows the scores of one thread.

    Args:
        find_owner: who is attending now.
        parameters: storages of the model's parameters: what they multiply are no scores.
        captured: called with each attention that was read.
        refused: called with each that was not, and why.
    """

    def __init__(
        self,
        find_owner: Callable[[], Owner | None],
        parameters: frozenset[int],
        masks: MaskCache,
        captured: Callable[[Owner, Captured], None],
        refused: Callable[[Owner, str, str], None],
    ) -> None:
        self._find_owner = find_owner
        self._parameters = parameters
        self._masks = masks
        self._captured = captured
        self._refused = refused
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
        for key in [key for key, found in self._weights.items() if found.reference.expired()]:
            self._tell(self._weights.pop(key))
        while len(self._nodes) > _AT_MOST:
            del self._nodes[next(iter(self._nodes))]
        while len(self._weights) > _AT_MOST:
            self._tell(self._weights.pop(next(iter(self._weights))))

    def finish(self) -> None:
        """Tells what is left."""
        for found in list(self._weights.values()):
            self._tell(found)
        self._weights.clear()
        self._nodes.clear()
        self._noises.clear()

    # Operators

    def is_projection(self, args: Sequence[Any]) -> bool:
        """Whether a product's second factor is a parameter: most are, and begin no attention."""
        right = args[-1]
        return not right.is_nested and _storage(right) in self._parameters

    def product(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor
    ) -> None:
        """bmm, mm or baddbmm: the beginning or the end of an attention."""
        bias, left, right = args if name == "baddbmm" else (None, *args)
        self.forget_dead()
        if self._meets_values(left, right):
            return
        if _storage(right) in self._parameters:
            return
        if self._unnormalised(left, right):
            return
        node = Node(Layout.of(out), Product.of(left, right, name), _weak(out), dtype=out.dtype)
        if out.ndim == 2:
            node.layout = Layout((1, *node.layout.shape), (out.numel(), *node.layout.stride), 0)
        if bias is not None:
            alpha, beta = kwargs.get("alpha", 1), kwargs.get("beta", 1)
            whole = node.layout
            node = Node(whole, Scaled(float(alpha)), _weak(out), node, whole, out.dtype)
            if beta != 0:
                node = Node(whole, Added(bias, float(beta)), _weak(out), node, whole, out.dtype)
        self._nodes[_storage(out)] = node

    def softmax(self, args: Sequence[Any], out: Tensor) -> None:
        """A softmax over scores, or over anything else."""
        self.forget_dead()
        scores, axis = args[0], args[1] % max(args[0].ndim, 1)
        if scores.ndim == 1:
            scores, out, axis = scores[None], out[None], 1
        node = self._nodes.pop(_storage(scores), None)
        layout = Layout.of(out).moved(axis, -1)
        found = Weights(layout, _weak(out), None)
        if node is None:
            found.why = "its scores are not a product of queries and keys that could be followed"
        else:
            found.owner = self._find_owner()
            if found.owner is None:
                return
            try:
                self._read(found, node, scores, axis, out)
            except Unreadable as error:
                found.why = str(error)
                self._tell(found)
        self._weights[_storage(out)] = found

    def noise(self, noise: Tensor, keep: float) -> None:
        """Zeros and ones of a dropout."""
        self._noises[_storage(noise)] = (_weak(noise), 1 - keep)

    def other(
        self,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        """Any operator while there is something to follow."""
        tracked = [x for x in _tensors(args) if _storage(x) in self._nodes]
        weighted = [x for x in _tensors(args) if _storage(x) in self._weights]
        if not tracked and not weighted:
            return
        self.forget_dead()
        results = _tensors([out])
        if tracked:
            for result in results:
                self._score_step(operator, args, kwargs, result, tracked)
        elif results and _storage(results[0]) != _storage(weighted[0]):
            self._weights_step(operator, args, results[0], weighted[0])

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
        live = [x for x in tracked if self._nodes[_storage(x)].lost is None]
        scores = (live or tracked)[0]
        if _storage(out) == _storage(scores) and not writes:
            return  # a view
        node = self._nodes[_storage(scores)]
        two = len({_storage(x) for x in live if self._nodes[_storage(x)].product.certain}) > 1
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
                self._nodes.pop(_storage(scores), None)
            return
        self._nodes[_storage(out)] = Node(
            Layout.of(out), step, _weak(out), node, Layout.of(scores), out.dtype
        )

    def _read(self, found: Weights, node: Node, scores: Tensor, axis: int, out: Tensor) -> None:
        assert found.owner is not None
        captured, axes, heads = read_scores(
            node,
            scores,
            axis,
            head_hints=head_hints(found.owner.module),
            batches=found.owner.batches,
            masks=self._masks,
        )
        compare(captured, axes.four(out.detach()))
        found.captured = captured
        found.heads = heads

    def _weights_step(
        self, operator: torch._ops.OpOverload, args: Sequence[Any], out: Tensor, given: Tensor
    ) -> None:
        """A dropout, a copy, or something else between softmax and values."""
        found = self._weights[_storage(given)]
        if not out.is_floating_point() or out.shape != given.shape or out.ndim == 0:
            return
        name = operator._schema.name.partition("::")[2].rstrip("_")
        captured = found.captured
        if captured is not None:
            if name == "native_dropout":
                captured.dropout = float(args[1]) if args[2] is not False else 0.0
            elif name == "mul" and any(_storage(x) in self._noises for x in _tensors(args)):
                noise = next(x for x in _tensors(args) if _storage(x) in self._noises)
                captured.dropout = self._noises.pop(_storage(noise))[1]
            elif name not in ("clone", "_to_copy", "masked_fill", "where", "copy"):
                captured.notes += (
                    f"the weights went through {operator} before they met the values; "
                    "these are the weights before it",
                )
        heads = None
        if found.heads is not None:
            grid = torch.meshgrid(*(torch.arange(n) for n in given.shape[:-1]), indexing="ij")
            zero = torch.zeros((), dtype=torch.int64)
            where = found.layout.coordinates(Layout.of(given).positions([*grid, zero]))
            heads = found.heads[tuple(x.expand(given.shape[:-1]) for x in where[:-1])]
        self._weights.pop(_storage(given), None)
        self._weights[_storage(out)] = Weights(
            Layout.of(out), _weak(out), found.owner, heads, captured, found.why, found.done
        )

    def _meets_values(self, left: Tensor, right: Tensor) -> bool:
        """Whether a product is that of weights and values."""
        if _storage(right) in self._weights and _storage(left) not in self._weights:
            left, right = right.transpose(-1, -2), left.transpose(-1, -2)
        found = self._weights.get(_storage(left))
        if found is None or _storage(right) in self._parameters:
            return False
        del self._weights[_storage(left)]
        if found.captured is not None and found.heads is not None:
            try:
                found.captured.value = values_of(found, found.captured, left, right)
            except Unreadable:
                found.captured.value = None
        self._tell(found, met=True)
        return True

    def _unnormalised(self, left: Tensor, right: Tensor) -> bool:
        """Whether scores meet values without a softmax."""
        node = self._nodes.get(_storage(left))
        if node is None or not node.product.certain or left.numel() != node.layout.numel:
            return False
        if left.shape[-1] != node.layout.shape[-1] or _storage(left) in self._parameters:
            return False
        if _storage(node.product.left) in self._parameters:
            return False
        owner = self._find_owner()
        if owner is None:
            return False
        why = node.lost or "its scores met the values without a softmax"
        self._refused(owner, why, "explicit")
        return True

    def _tell(self, found: Weights, *, met: bool = False) -> None:
        if found.done[0]:
            return
        if found.captured is not None:
            assert found.owner is not None
            found.done[0] = True
            self._captured(found.owner, found.captured)
        elif met or found.owner is not None:
            found.done[0] = True
            owner = found.owner or self._find_owner()
            if owner is not None:
                self._refused(owner, found.why, "explicit")


def _tensors(args: Sequence[Any]) -> list[Tensor]:
    found = []
    for x in args:
        if isinstance(x, Tensor):
            found.append(x)
        elif isinstance(x, list | tuple):
            found.extend(y for y in x if isinstance(y, Tensor))
    return found


def _storage(x: Tensor) -> int:
    return x.untyped_storage()._cdata


def _weak(x: Tensor) -> StorageWeakRef:
    return StorageWeakRef(x.untyped_storage())
