"""Follows scores of several products through the operators that assemble them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ....recording.captured import Unreadable
from ...owners import Owner
from .._nodes import (
    Copy,
    Fill,
    Layout,
    Node,
    UnknownStep,
    is_forward_mode,
    storage_of,
    tensors_in,
    weak_reference,
)
from .._steps import step_of
from ._meeting import AssembledAttention
from ._movements import Movements
from ._origins import Addresses, are_reordered, score_elements
from ._places import arrangement
from ._reading import read_assembled
from ._waiting import WaitingListener

_WITHOUT_SOFTMAX = "its scores, which are several products, met the values without a softmax"
_CHANGED = "its weights were changed between softmax and values: they went through {}"
_MOVES = frozenset(
    ("clone", "_to_copy", "constant_pad_nd", "index", "gather", "index_select", "flip", "cat",
     "stack", "copy", "index_put")
)  # fmt: skip
_SUMS = frozenset(("add", "mul", "div", "native_dropout"))
_BEGIN = frozenset(("constant_pad_nd", "cat", "copy"))
_KERNEL = "explicit"


@dataclass(eq=False)
class _Memory:
    """A memory of assembled scores, of their weights, or of weights times values.

    Attributes:
        reference: to the memory.
        attention: the attention that the weights belong to; None for scores.
        is_output: whether it is weights times values.
    """

    reference: StorageWeakRef
    attention: AssembledAttention | None = None
    is_output: bool = False


class AssembledTracker:
    """Follows assembled scores, and their weights, in one thread.

    Args:
        find_owner: returns the module that is attending.
        listener: is told of each attention, read or refused.
        dropout_of: returns the probability with which an operator drops weights; None if it is no
            dropout.

    Attributes:
        movements: the operators that moved elements.
        memories: those of scores and weights, by their storage.
    """

    def __init__(
        self,
        find_owner: Callable[[], Owner | None],
        listener: WaitingListener,
        dropout_of: Callable[[str, Sequence[Any]], float | None],
    ) -> None:
        self._find_owner, self._listener = find_owner, listener
        self._dropout_of = dropout_of
        self.movements = Movements()
        self.memories: dict[int, _Memory] = {}
        self._nodes: dict[int, Node] = {}
        self._results: dict[int, int] = {}

    def forget_dead(self) -> None:
        """Drop memories that were freed, and report attentions that have none left."""
        for key in [key for key, one in self.memories.items() if one.reference.expired()]:
            if key in self.memories:
                self._drop(key)
        if not self.memories:
            self._nodes.clear()

    def finish(self) -> None:
        """Report the attentions that are still open after the last operator."""
        while self.memories:
            self._drop(next(iter(self.memories)))
        self._nodes.clear()
        self.movements.clear()

    def before_a_write(self, storage: int) -> None:
        """Copy tensors that are referred to and that the model is about to overwrite."""
        if self.memories:
            self.movements.copy_before_a_write(storage)
            for node in self._nodes.values():
                node.copy_before_a_write(storage)

    def other(
        self,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
        nodes: Mapping[int, Node],
    ) -> bool:
        """Process an operator; return whether it works on assembled scores or their weights.

        Args:
            operator, args, kwargs, out: the operator, what it was called with, and its result.
            nodes: of scores of a single product.
        """
        tensors = tensors_in(args)
        own = [x for x in tensors if storage_of(x) in self.memories]
        name = operator._schema.name.partition("::")[2].rstrip("_")
        results = [x for x in tensors_in([out]) if x.is_floating_point()]
        if not own and not (name in _BEGIN and self._begins(name, args, nodes)):
            return False
        if own and self.memories[storage_of(own[0])].is_output:
            return self._follow_output(operator, own[0], results)
        if not results or any(storage_of(x) in nodes for x in own):
            return False
        if name.endswith("_like") or name.startswith("new_"):
            return True  # another tensor of the same shape
        result = results[0]
        if own and storage_of(result) == storage_of(own[0]) and not operator._schema.is_mutable:
            return True  # a view
        if name in _MOVES:
            self._move(tensors, result, nodes)
        elif any(storage_of(x) in nodes for x in tensors):
            return False  # a term added to other scores
        else:
            self._step(operator, args, kwargs, result, own[0])
        return True

    def _begins(self, name: str, args: Sequence[Any], nodes: Mapping[int, Node]) -> bool:
        """Return whether scores of one product are written into a place among others."""
        scores = [
            x
            for x in tensors_in(args)
            if storage_of(x) in nodes and nodes[storage_of(x)].product.certain
        ]
        if not scores:
            return False
        if name == "copy":
            whole = Layout.of(args[0]).numel * args[0].element_size()
            return storage_of(args[0]) not in nodes and whole < args[0].untyped_storage().nbytes()
        if name == "cat" and len(args[0]) == 2 and len(scores) == 1:
            return args[0][1] is scores[0] or args[0][1].shape[-1] != 1
        return True

    def _move(self, tensors: Sequence[Tensor], out: Tensor, nodes: Mapping[int, Node]) -> None:
        """Follow the result of an operator that moved elements."""
        attention = None
        for x in tensors:
            storage = storage_of(x)
            if storage in nodes:
                self._nodes.setdefault(storage, nodes[storage])
            elif storage in self.memories:
                attention = attention or self.memories[storage].attention
        self.memories[storage_of(out)] = _Memory(weak_reference(out), attention)

    def _follow_output(
        self, operator: torch._ops.OpOverload, output: Tensor, results: Sequence[Tensor]
    ) -> bool:
        """Follow an attention's output until something else is computed from it.

        Return whether the operator only moved or changed the output.
        """
        memory = self.memories[storage_of(output)]
        attention, name = memory.attention, operator._schema.name.partition("::")[2].rstrip("_")
        assert attention is not None
        if not results:
            return True
        out, writes = results[0], operator._schema.is_mutable
        same = storage_of(out) == storage_of(output)
        if same and not writes:
            return True  # a view
        if name in _MOVES:
            if same:
                attention.note_replaced(out, self.movements)
        elif name in _SUMS and out.shape == output.shape:
            self.movements.note_step(Copy(), output, out)
        else:
            self._tell(attention)
            return False
        self.memories[storage_of(out)] = _Memory(weak_reference(out), attention, True)
        return True

    def _step(
        self,
        operator: torch._ops.OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Tensor,
        scores: Tensor,
    ) -> None:
        """Follow the result of an operator that changed elements in place."""
        attention = self.memories[storage_of(scores)].attention
        if out.shape != scores.shape:
            return
        step = step_of(operator, args, kwargs, out, scores)
        if attention is not None and not isinstance(step, Copy):
            dropout = self._dropout_of(operator._schema.name.partition("::")[2], args)
            if dropout is not None:
                attention.captured.dropout, step = dropout, Copy()
            elif not isinstance(step, Fill) or step.value != 0:
                step = UnknownStep(_CHANGED.format(operator))
        self.movements.note_step(step, scores, out)
        self.memories[storage_of(out)] = _Memory(weak_reference(out), attention)

    def softmax(self, scores: Tensor, axis: int, out: Tensor, node: Node | None) -> bool:
        """Process a softmax; return whether it is over assembled scores.

        Args:
            scores, axis, out: what it normalised, along which axis, and its result.
            node: of scores of one product, which count as assembled if their keys were gathered.
        """
        if node is not None:
            if not self._has_chosen_keys(node):
                return False
            self._nodes[storage_of(scores)] = node
            self.memories[storage_of(scores)] = _Memory(weak_reference(scores))
        memory = self.memories.get(storage_of(scores))
        if memory is None or memory.attention is not None:
            return False
        owner = self._find_owner()
        if owner is None:
            return True
        try:
            attention = self._read(owner, scores, axis, out)
        except Unreadable as error:
            self._listener.refuse(owner, str(error), _KERNEL)
            return True
        self.memories[storage_of(out)] = _Memory(weak_reference(out), attention)
        self._results[id(attention)] = storage_of(out)
        attention.place = self._listener.wait()
        return True

    def _has_chosen_keys(self, node: Node) -> bool:
        """Return whether the keys of a product, but not its queries, were gathered out of order."""
        product = node.product
        if node.why_unknown is not None or node.is_exponential or not product.certain:
            return False
        return are_reordered(self.movements, product.rhs.transpose(1, 2)) and not are_reordered(
            self.movements, product.lhs
        )

    def _read(self, owner: Owner, scores: Tensor, axis: int, out: Tensor) -> AssembledAttention:
        where = Addresses(self.movements)
        elements = score_elements(scores, axis, self._nodes, self.movements, where)
        arrange = arrangement(elements, where, owner.head_hints, owner.batches)
        read = read_assembled(
            elements,
            where,
            arrange,
            scores.detach().movedim(axis, -1),
            out.detach().movedim(axis, -1),
        )
        return AssembledAttention.of(owner, read, out, axis, self.movements)

    def product(self, lhs: Tensor, rhs: Tensor, out: Tensor) -> bool:
        """Process a product; return whether it is one of assembled scores or their weights."""
        if storage_of(lhs) not in self.memories and storage_of(rhs) in self.memories:
            lhs, rhs, out = (x.transpose(-1, -2) for x in (rhs, lhs, out))
        memory = self.memories.get(storage_of(lhs))
        if memory is None:
            return False
        attention = memory.attention
        if attention is not None and memory.is_output:
            self._tell(attention)
            return False
        if attention is None:
            owner = self._find_owner()
            if owner is not None and not is_forward_mode():
                self._listener.refuse(owner, _WITHOUT_SOFTMAX, _KERNEL)
            return True
        lhs, rhs, out = (x.detach() if x.ndim == 3 else x.detach()[None] for x in (lhs, rhs, out))
        try:
            attention.meet(lhs, rhs, out, self._results[id(attention)], self.movements)
        except Unreadable as error:
            if not is_forward_mode():  # tangents meet values, too
                self._refuse(attention, str(error))
            return True
        self.memories[storage_of(out)] = _Memory(weak_reference(out), attention, True)
        return True

    def _drop(self, key: int) -> None:
        """Drop a memory; if it is the last one of its attention, report that."""
        attention = self.memories.pop(key).attention
        if attention is None:
            return
        if not any(one.attention is attention for one in self.memories.values()):
            self._tell(attention)

    def _tell(self, attention: AssembledAttention) -> None:
        """Report an attention that is complete, unless it was reported before."""
        if attention.is_over:
            return
        try:
            captured = attention.finish()
        except Unreadable as error:
            self._refuse(attention, str(error))
            return
        self._end(attention)
        self._listener.add_at(attention.place, attention.owner, captured)

    def _refuse(self, attention: AssembledAttention, why: str) -> None:
        self._end(attention)
        self._listener.refuse_at(attention.place, attention.owner, why, _KERNEL)

    def _end(self, attention: AssembledAttention) -> None:
        """Forget an attention and all its memories."""
        attention.is_over = True
        self._results.pop(id(attention), None)
        own = [key for key, one in self.memories.items() if one.attention is attention]
        for key in own:
            del self.memories[key]
