"""How many keys each query may attend to, and how many of them are near, or of its token.

It follows from the mask and from token ids alone, so that a key counts even where its weight is too
small for the type that it is computed in. A key that a bias of -inf hides counts as visible.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...head_kinds import LOCAL
from ...shapes import Bool, Int
from ..measures.place_weights import same_tokens, token_rows
from ..scores.positions import chunks
from ..storage.stored_attention import StoredAttention


class VisiblePlaces(NamedTuple):
    """Counts of keys that may be attended to.

    Attributes:
        keys: by each query.
        near: those at most LOCAL tokens from it.
        duplicate, induction: those that are about its token; None without token ids.
    """

    keys: Int[Tensor, "batch heads query_len"]
    near: Int[Tensor, "batch heads query_len"]
    duplicate: Int[Tensor, "batch heads query_len"] | None
    induction: Int[Tensor, "batch heads query_len"] | None


def attendable_keys(
    one: StoredAttention, in_text: Bool[Tensor, "batch query_len"]
) -> Bool[Tensor, "batch heads key_len"]:
    """Return whether some query of the text may attend to each key.

    Args:
        one: the map.
        in_text: False for queries that are padding.
    """
    batch, heads, query_len, key_len = one.shape
    attendable = in_text.any(-1)[:, None, None].expand(batch, heads, key_len)
    if one.scoring.allowed is None:
        return attendable
    attendable = torch.zeros_like(attendable)
    for rows in chunks(query_len, key_len * batch):
        attendable |= (_visible(one, rows) & in_text[:, None, rows, None]).any(-2)
    return attendable


def visible_places(
    one: StoredAttention, ids: Int[Tensor, "batch key_len"] | None = None
) -> VisiblePlaces:
    """Count the keys that the queries of a map may attend to.

    Some queries are looked at at a time, so memory is linear in the length.

    Args:
        one: the map.
        ids: of the keys' tokens, from 0 on; None leaves out what is about tokens.
    """
    batch, heads, query_len, key_len = one.shape
    tokens = None if ids is None else token_rows(ids, query_len, one.query_offset)
    counts: list[list[Tensor]] = []
    width = key_len * (1 if one.scoring.allowed is None and ids is None else batch)
    for rows in chunks(query_len, width):
        visible, place = _visible(one, rows), rows.start + one.query_offset
        row_counts = [visible.count_nonzero(-1), _near(visible, place)]
        if tokens is not None:
            alike = same_tokens(tokens[0][:, rows], tokens[1], place)
            row_counts += [(visible & pairs[:, None]).count_nonzero(-1) for pairs in alike]
        counts.append(row_counts)
    whole = [torch.cat(parts, -1).expand(batch, heads, -1) for parts in zip(*counts, strict=True)]
    duplicate, induction = whole[2:] if tokens is not None else (None, None)
    return VisiblePlaces(*whole[:2], duplicate, induction)


def _visible(one: StoredAttention, rows: slice) -> Bool[Tensor, "#batch #heads rows key_len"]:
    """Return whether some queries may attend to each key."""
    mask, device, key_len = one.scoring.allowed, one.query.device, one.shape[3]
    if mask is None:
        visible = torch.ones((1, 1, 1, 1), dtype=torch.bool, device=device)
    else:
        visible = mask.tile(rows, torch.arange(key_len, device=device))
    return visible.expand(*visible.shape[:2], rows.stop - rows.start, key_len)


def _near(
    visible: Bool[Tensor, "batch heads rows columns"], shift: int
) -> Int[Tensor, "batch heads rows"]:
    """Count the visible keys near the column at which each query stands."""
    near = torch.zeros(visible.shape[:3], dtype=torch.int64, device=visible.device)
    for distance in range(-LOCAL, LOCAL + 1):
        diagonal = visible.diagonal(offset=shift + distance, dim1=-2, dim2=-1)
        first = max(-(shift + distance), 0)
        near[..., first : first + diagonal.shape[-1]] += diagonal
    return near
