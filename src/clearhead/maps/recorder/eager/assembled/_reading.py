"""Turns assembled scores into one attention: queries, keys, mask and bias."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....shapes import Bool, Float, Int
from ....recording.captured import CapturedAttention, Unreadable
from ...agreement import map_of, rounding_tolerance, spread
from ._origins import Addresses, ScoreElements
from ._places import Arrangement, check_queries, key_places
from ._replay import CONSTANT
from ._sparse_scoring import sparse_scoring

_WEIGHT_ROWS = 8
_LOW = -512.0  # a number added to hide keys is below this


@dataclass(eq=False)
class AssembledScores:
    """The elements of assembled scores, in the order of a map.

    Attributes:
        captured: the attention.
        places: the key of each element; CONSTANT where it is of none.
        hidden: where the query may not attend to the key.
        arrangement: the roles of the softmax's axes.
    """

    captured: CapturedAttention
    places: Int[Tensor, "batch heads query_len width"]
    hidden: Bool[Tensor, "batch heads query_len width"]
    arrangement: Arrangement


def read_assembled(
    elements: ScoreElements,
    where: Addresses,
    arrange: Arrangement,
    scores: Float[Tensor, "*lead width"],
    weights: Float[Tensor, "*lead width"],
) -> AssembledScores:
    """Return the attention of a softmax over assembled scores, compared with its result.

    Args:
        elements: of the softmax's input.
        where: the addresses of queries and keys.
        arrange: finds the roles of its axes.
        scores, weights: the input and the result, the keys' axis at the end.

    Raises:
        Unreadable: they are not an attention of one query per row, or give other weights.
    """
    key, which, row, column = (
        arrange.apply(x) for x in (elements.key, elements.which, elements.row, elements.column)
    )
    check_queries(arrange.apply(elements.query))
    scores, weights = arrange.apply(scores), arrange.apply(weights)
    places, key_len = key_places(key, where)
    term = None if elements.term is None else arrange.apply(elements.term)
    hidden = _hidden(places, term, scores, weights)
    query, keys = _vectors(elements, which, row, column, places, key_len)
    visible = places.masked_fill(hidden, CONSTANT)
    scoring = sparse_scoring(elements.factor, visible, term, key_len)
    captured = CapturedAttention(
        query=query, key=keys, scoring=scoring, kernel="explicit products + softmax"
    )
    _check(captured, visible, weights, (query.dtype, scores.dtype, weights.dtype))
    return AssembledScores(captured, places, hidden, arrange)


def _hidden(
    places: Int[Tensor, "batch heads query_len width"],
    term: Tensor | None,
    scores: Tensor,
    weights: Tensor,
) -> Bool[Tensor, "batch heads query_len width"]:
    """Return the elements that their query may not attend to.

    Raises:
        Unreadable: elements of no product have a weight.
    """
    lowest = torch.finfo(scores.dtype).min / 2
    hidden = (scores <= lowest).cpu()
    if term is not None:
        hidden |= (term <= lowest) | ((term < _LOW) & (weights == 0).cpu())
    if bool(((places == CONSTANT) & ~hidden).any()):
        raise Unreadable("some of its scores are no products of queries and keys, and not hidden")
    return hidden


def _vectors(
    elements: ScoreElements,
    which: Tensor,
    row: Tensor,
    column: Tensor,
    places: Tensor,
    key_len: int,
) -> tuple[
    Float[Tensor, "batch heads query_len head_dim"], Float[Tensor, "batch heads key_len head_dim"]
]:
    """Gather queries and keys from the factors of the products.

    Raises:
        Unreadable: the products have different vectors for one query or key.
    """
    batch, heads, query_len, _ = places.shape
    lhs = elements.products[0][0]
    query = lhs.new_zeros(batch * heads * query_len, lhs.shape[-1])
    keys = lhs.new_zeros(batch * heads * key_len, lhs.shape[-1])
    own_rows = torch.arange(len(query)).view(batch, heads, query_len, 1).expand(places.shape)
    own_keys = torch.arange(batch * heads).view(batch, heads, 1, 1) * key_len + places
    for sources, index, targets in ((0, row, own_rows), (1, column, own_keys)):
        into = (query, keys)[sources]
        has_vector = torch.zeros(len(into), dtype=torch.bool)
        for number, factors in enumerate(elements.products):
            inside = which == number
            vectors = factors[sources].reshape(-1, into.shape[-1])
            target_of = torch.full((len(vectors),), CONSTANT)
            target_of[index[inside]] = targets[inside]
            present = (target_of != CONSTANT).nonzero()[:, 0]
            target = target_of[present].to(into.device)
            own = vectors[present.to(into.device)]
            before = has_vector[target_of[present]].to(into.device)
            if not torch.equal(into[target][before], own[before]):
                raise Unreadable("its products have different numbers for one query or key")
            into[target] = own
            has_vector[target_of[present]] = True
            if not torch.equal(into[target], own):
                raise Unreadable("its products have different numbers for one query or key")
    return query.view(batch, heads, query_len, -1), keys.view(batch, heads, key_len, -1)


def _check(
    captured: CapturedAttention,
    places: Int[Tensor, "batch heads query_len width"],
    weights: Float[Tensor, "batch heads query_len width"],
    dtypes: tuple[torch.dtype, ...],
) -> None:
    """Compare some rows of the map with the model's weights; rows without keys come later."""
    attention_map = map_of(captured)
    rows = spread(places.shape[2], _WEIGHT_ROWS, torch.device("cpu"))
    mine = attention_map[:, :, rows].double()
    own = places[:, :, rows]
    theirs = torch.zeros_like(mine)
    model = weights[:, :, rows].double().nan_to_num(0.0)
    model = torch.where((own != CONSTANT).to(model.device), model, 0.0)
    theirs.scatter_add_(-1, own.clamp(min=0).to(mine.device), model.to(mine.device))
    error = float((mine - theirs).abs().max())
    if not error <= rounding_tolerance(dtypes, attention_map.scores[:, :, rows[:1]]):
        raise Unreadable(
            f"what was read from it does not reproduce the model's own weights: they differ by "
            f"{error:.2g}"
        )
