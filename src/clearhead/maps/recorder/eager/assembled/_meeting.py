"""Follows the weights of assembled scores to the values, which they meet in several products."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .....shapes import Bool, Float, Int
from ....recording.captured import CapturedAttention, Unreadable
from ...owners import Owner
from .._nodes import Layout
from .._weights import without_rows
from ._movements import Movements, Piece
from ._origins import Addresses
from ._reading import AssembledScores
from ._replay import CONSTANT, Elements, Replay
from ._waiting import Place

_PARTLY = "some of the weights of a query did not meet the values"
_TWICE = "some of its weights met the values twice"
_HIDDEN = "queries to which all keys were hidden by finite numbers have weights that met values"
_OTHER_OUTPUT = (
    "the model wrote the output of another attention over that of some queries: these attend to "
    "nothing here"
)
_OTHER_VALUES = "its weights met values of other keys than those of their scores"


@dataclass(eq=False)
class AssembledAttention:
    """The attention of one softmax over assembled scores, until its weights have met the values.

    Attributes:
        owner: the module that computed it.
        captured: what was read.
        size: of the softmax's result, in its memory.
        key_of: for each place in that memory, the index of its key in [batch * heads * key_len];
            CONSTANT for none.
        visible: for each place, whether the query may attend to the key.
        row_of: for each place, the index of its query in [batch * heads * query_len].
        hidden: the places of hidden keys that have a weight nevertheless.
        meeting: the places whose weights have met values.
        value: of each key, as far as known.
        address: the address of each value.
        without_output: the queries whose output the model overwrote.
        outputs: the query of each element of the products with values, by storage.
        place: among the attentions to report.
        is_over: whether it was reported, read or refused.
    """

    owner: Owner
    captured: CapturedAttention
    size: int
    key_of: Int[Tensor, "size"]
    visible: Bool[Tensor, "size"]
    row_of: Int[Tensor, "size"]
    hidden: Bool[Tensor, "size"]
    meeting: Bool[Tensor, "size"]
    where: Addresses
    value: Float[Tensor, "keys value_dim"] | None = None
    address: Int[Tensor, "keys"] = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    without_output: Bool[Tensor, "queries"] = field(default_factory=lambda: torch.empty(0).bool())
    outputs: dict[int, Elements] = field(default_factory=dict)
    place: Place = field(default_factory=Place)
    is_over: bool = False

    @classmethod
    def of(
        cls, owner: Owner, scores: AssembledScores, out: Tensor, axis: int, movements: Movements
    ) -> AssembledAttention:
        """Return the attention of a softmax's result."""
        captured, places, arrange = scores.captured, scores.places, scores.arrangement
        batch, heads, query_len, _ = places.shape
        key_len = captured.key.shape[2]
        head = torch.arange(batch * heads).view(batch, heads, 1, 1)
        keys = torch.where(places == CONSTANT, CONSTANT, head * key_len + places)
        rows = torch.arange(batch * heads * query_len).view(batch, heads, query_len, 1)
        size = Piece.of(out).size
        # From the order of a map back to places in the memory of the softmax.
        layout = Layout.of(out.movedim(axis, -1))
        at = torch.arange(size).as_strided(layout.shape, layout.stride, layout.offset)
        at = arrange.apply(at).reshape(-1)
        key_of, row_of = torch.full((size,), CONSTANT), torch.full((size,), CONSTANT)
        visible, hidden, meeting = torch.zeros(3, size, dtype=torch.bool)
        key_of[at] = keys.reshape(-1)
        row_of[at] = rows.expand(places.shape).reshape(-1)
        weights = arrange.apply(out.detach().movedim(axis, -1)).cpu().nan_to_num(0)
        visible[at] = ~scores.hidden.reshape(-1)
        hidden[at] = (scores.hidden & (weights > 0)).reshape(-1)
        where = Addresses(movements)
        without_output = torch.zeros(batch * heads * query_len, dtype=torch.bool)
        return cls(
            owner,
            captured,
            size,
            key_of,
            visible,
            row_of,
            hidden,
            meeting,
            where,
            without_output=without_output,
        )

    def meet(
        self,
        lhs: Float[Tensor, "matrices rows inner"],
        rhs: Float[Tensor, "matrices inner value_dim"],
        out: Float[Tensor, "matrices rows value_dim"],
        storage: int,
        movements: Movements,
    ) -> None:
        """Process a product of some of the weights with values.

        Args:
            lhs, rhs, out: weights and values, and their product.
            storage: the memory of the softmax's result.
            movements: the noted movements.

        Raises:
            Unreadable: the weights did not meet the values of their own keys, once each.
        """

        def leaf(piece: Piece, is_written: bool) -> Elements | None:
            return Elements(torch.arange(self.size), None, {}) if piece.storage == storage else None

        places = Replay(movements, leaf).origin(lhs)
        inside = places != CONSTANT
        keys = torch.full(places.shape, CONSTANT)
        keys[inside] = self.key_of[places[inside]]
        if bool(self.hidden[places[inside]].any()):
            raise Unreadable(_HIDDEN)
        meeting = places[inside][self.visible[places[inside]]]
        if bool(self.meeting[meeting].any()) or len(meeting.unique()) != len(meeting):
            raise Unreadable(_TWICE)
        self.meeting[meeting] = True
        self._take_values(keys, rhs)
        rows = torch.full(places.shape, CONSTANT)
        rows[inside] = self.row_of[places[inside]]
        piece = Piece.of(out)
        elements = Elements.constant(piece.size)
        piece.view(elements.origin).copy_(rows.amax(-1, keepdim=True).expand(out.shape))
        self.outputs[piece.storage] = elements

    def note_replaced(self, out: Tensor, movements: Movements) -> None:
        """Note the queries whose output an operator has just written over.

        Args:
            out: the memory that it wrote to.
            movements: the noted movements, of which this operator is the last.
        """

        def leaf(piece: Piece, is_written: bool) -> Elements | None:
            return self.outputs.get(piece.storage)

        replay = Replay(movements, leaf)
        before, after = replay.of(out, before_last=True).origin, replay.of(out).origin
        self.without_output[before[before != CONSTANT]] = True
        self.without_output[after[after != CONSTANT]] = False

    def _take_values(self, keys: Int[Tensor, "matrices rows inner"], rhs: Tensor) -> None:
        """Take the values of keys, each of which has one."""
        highest = keys.amax(1)  # of each row of the values
        if bool(((keys != highest[:, None]) & (keys != CONSTANT)).any()):
            raise Unreadable(_OTHER_VALUES)
        count = self.captured.key.shape[:3].numel()
        if self.value is None:
            self.value = rhs.new_zeros(count, rhs.shape[2])
            self.address = torch.full((count,), CONSTANT)
        with_key = highest != CONSTANT
        own, address = highest[with_key], self.where.of(rhs[:, :, 0])[with_key]
        values = rhs[with_key.to(rhs.device)]
        before = self.address[own]
        differs = (before != CONSTANT) & (before != address)
        self.address[own] = address
        self.value[own.to(rhs.device)] = values
        same = (self.address[own] == address) & (address != CONSTANT)
        if bool(differs.any()) or not bool(same.all()):
            raise Unreadable(_OTHER_VALUES)

    @property
    def is_complete(self) -> bool:
        """Whether, for each query, all of its weights have met values, or none."""
        some, others = self._rows()
        return not bool((some & others).any())

    def _rows(self) -> tuple[Bool[Tensor, "queries"], Bool[Tensor, "queries"]]:
        """Return which queries have weights that met values, and which have other weights."""
        some, others = (
            torch.zeros(self.captured.query.shape[:3].numel(), dtype=torch.bool) for _ in range(2)
        )
        some[self.row_of[self.meeting]] = True
        others[self.row_of[self.visible & ~self.meeting]] = True
        return some, others

    def finish(self) -> CapturedAttention:
        """Return the attention, once its weights can meet no more values.

        Queries none of whose weights met a value, or whose output was replaced, attend to nothing.

        Raises:
            Unreadable: some of the weights of a query did not meet the values.
        """
        if not self.is_complete:
            raise Unreadable(_PARTLY)
        captured, (some, _) = self.captured, self._rows()
        shape = captured.query.shape
        dead = ~(some & ~self.without_output).view(shape[:3])
        if bool(self.without_output.any()):
            captured.notes += (_OTHER_OUTPUT,)
        if bool(dead.any()):
            captured = without_rows(captured, dead.to(captured.query.device))
        if self.value is not None:
            captured.value = self.value.view(*captured.key.shape[:3], -1)
        return captured
