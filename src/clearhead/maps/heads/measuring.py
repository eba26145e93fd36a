"""The numbers from which the kinds of a map's heads follow, from one pass over its tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...head_kinds import HeadSums, HeadWeights
from ...head_kinds import PlaceWeights as WeightsAtPlaces
from ...shapes import Array, Bool, Float, Int
from ..measures.base import Measure
from ..measures.per_position import Entropy
from ..measures.place_weights import DUPLICATE, INDUCTION, LAST, NEAR, PlaceWeights
from ..storage.stored_attention import StoredAttention
from .visible_places import VisiblePlaces, attendable_keys, visible_places


@dataclass(frozen=True, eq=False)
class HeadNumbers:
    """The numbers of a map's heads, for each query.

    Attributes:
        one: the map.
        numbers, largest: as `HeadPlaces` has them.
        entropy: in nats.
        visible: how many keys each query may attend to.
        attendable: whether any query of the text may attend to each key.
        ends: the first and the last key of each text.
        in_text: False for queries that are padding.
        cross: whether queries and keys belong to different sequences.
        others: the results of other measures that were asked for.
    """

    one: StoredAttention
    numbers: Float[Tensor, "batch heads query_len places"]
    largest: Float[Tensor, "batch heads key_len"]
    entropy: Float[Tensor, "batch heads query_len"]
    visible: VisiblePlaces
    attendable: Bool[Tensor, "batch heads key_len"]
    ends: Int[Tensor, "batch 2"]
    in_text: Bool[Tensor, "batch query_len"]
    cross: bool
    others: Mapping[Measure[Any], Any] = field(default_factory=dict)

    def weights_of(self, row: int) -> HeadWeights:
        """Return what the measures need, for one row of the batch."""
        numbers, visible = _array(self.numbers[row]), self.visible
        counts = {"local": (NEAR, visible.near)}
        if visible.duplicate is not None and visible.induction is not None:
            counts["duplicate"] = (DUPLICATE, visible.duplicate)
            counts["induction"] = (INDUCTION, visible.induction)
        return HeadWeights(
            numbers[..., : LAST + 1],
            _array(visible.keys[row]),
            _array(self.entropy[row]),
            _array(self.largest[row]),
            _array(self.attendable[row].count_nonzero(-1)),
            cross=self.cross,
            offset=0 if self.cross else self.one.query_offset,
            places={}
            if self.cross
            else {
                name: WeightsAtPlaces(numbers[..., place], _array(count[row]))
                for name, (place, count) in counts.items()
            },
            in_text=_array(self.in_text[row]),
            ends=(int(self.ends[row, 0]), int(self.ends[row, 1])),
        )

    def sums(self) -> HeadSums:
        """Return the sums over the batch, rounded so that the order of rows does not matter."""
        rows = [HeadSums.of(self.weights_of(row)).rounded() for row in range(self.one.shape[0])]
        total = rows[0]
        for row in rows[1:]:
            total += row
        return total


def head_numbers(
    one: StoredAttention,
    *,
    cross: bool,
    ids: Int[Tensor, "batch key_len"] | None = None,
    text: Bool[Tensor, "batch query_len"] | None = None,
    check: Callable[[], object] | None = None,
    others: Sequence[Measure[Any]] = (),
) -> HeadNumbers:
    """Compute the numbers from which the kinds of a map's heads follow.

    A query of self-attention is padding if no query may attend to its key. So is any query that
    attends evenly because its scores were lost in a mask of finite numbers.

    Args:
        one: the map.
        cross: whether queries and keys belong to different sequences.
        ids: of the keys' tokens; only equality counts. None leaves out what is about tokens.
        text: False for queries that are padding, in addition to those that the mask shows to be.
        check: called before each tile; an exception that it raises ends the pass.
        others: further measures, taken in the same pass.
    """
    batch, _, query_len, _ = one.shape
    in_text = torch.ones((batch, query_len), dtype=torch.bool, device=one.query.device)
    if text is not None:
        in_text &= text.to(in_text.device)
    if one.scoring.flat is not None:
        in_text &= ~one.scoring.flat.all(1)
    by_head = attendable_keys(one, in_text)
    attendable = by_head.any(1)
    if not cross:
        own_keys = attendable[:, one.query_offset :][:, :query_len]
        in_text[:, : own_keys.shape[1]] &= own_keys
    if ids is not None:
        ids = numbered(ids.to(one.query.device), attendable)
    ends = text_ends(attendable)
    measure = PlaceWeights(ids, None if bool(in_text.all()) else in_text, ends)
    results = one.measure(measure, Entropy(), *others, check=check)
    places = results[measure]
    visible = visible_places(one, ids)
    return HeadNumbers(
        one,
        places.numbers,
        places.largest,
        results[Entropy()],
        visible,
        by_head,
        ends,
        in_text,
        cross,
        {other: results[other] for other in others},
    )


def numbered(
    ids: Int[Tensor, "batch key_len"], attendable: Bool[Tensor, "batch key_len"]
) -> Int[Tensor, "batch key_len"]:
    """Renumber ids from 0 on; padding gets distinct ids below 0."""
    numbers = torch.unique(ids, return_inverse=True)[1]
    return torch.where(attendable, numbers, -3 - torch.arange(ids.shape[1], device=ids.device))


def text_ends(attendable: Bool[Tensor, "batch key_len"]) -> Int[Tensor, "batch 2"]:
    """Return the first and the last key that may be attended to, or of all keys where none may."""
    some = attendable | ~attendable.any(-1, keepdim=True)
    bits = some.to(torch.uint8)
    return torch.stack([bits.argmax(-1), some.shape[-1] - 1 - bits.flip(-1).argmax(-1)], dim=-1)


def _array(x: Tensor) -> Array:
    array = x.detach().cpu().numpy()
    return array.astype(np.float64) if array.dtype == np.float32 else array
