"""Mask and bias from the few keys of each query, in memory linear in their number."""

from __future__ import annotations

import torch
from torch import Tensor

from .....shapes import Float, Int
from ....recording.captured import Unreadable
from ....scores.bias import DenseBias
from ....scores.masks.key_mask import KeyMask
from ....scores.masks.key_ranges import KeyRanges
from ....scores.masks.key_runs import KeyRuns, runs_of_keys
from ....scores.scoring import Scoring
from ._replay import CONSTANT

_LARGEST = 1 << 26  # entries of a mask or bias over all queries and keys
_MOST_RUNS = 64


def sparse_scoring(
    factor: float,
    places: Int[Tensor, "batch heads query_len width"],
    term: Float[Tensor, "batch heads query_len width"] | None,
    key_len: int,
) -> Scoring:
    """Return the scoring of an attention in which each query has a few keys.

    Args:
        factor: of the products.
        places: the key of each element; CONSTANT for none.
        term: what is added to each element; None for nothing.
        key_len: how many keys there are.

    Raises:
        Unreadable: a mask or bias that has to be kept whole is too large.
    """
    places, term = _shared(places, term)
    keys, bias = _each_once(places, term, key_len)
    return Scoring(
        scale=factor, mask=_mask(keys, key_len), bias=_smallest_bias(keys, bias, key_len)
    )


def _shared(places: Tensor, term: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return one batch row and one head where all of them are the same."""
    for axis in (0, 1):
        first = places.narrow(axis, 0, 1)
        same = bool((places == first).all())
        if term is not None:
            own = term.narrow(axis, 0, 1)
            same = same and bool(((term == own) | (places == CONSTANT)).all())
        if same:
            places = first
            term = None if term is None else term.narrow(axis, 0, 1)
    return places, term


def _each_once(
    places: Int[Tensor, "batch heads query_len width"], term: Tensor | None, key_len: int
) -> tuple[Int[Tensor, "batch heads query_len width"], Tensor | None]:
    """Return the keys of each query in ascending order, each once, and the term of each.

    Lists are padded with key_len. A key that occurs several times counts each time: the
    exponentials of its scores are summed, exp(s + a) + exp(s + b) = exp(s + log(e^a + e^b)).
    """
    keys, order = torch.where(places == CONSTANT, key_len, places).sort(-1)
    if term is not None:
        term = term.expand(places.shape).gather(-1, order)
    some = keys < key_len
    repeats = torch.zeros_like(some)
    repeats[..., 1:] = keys[..., 1:] == keys[..., :-1]
    if not bool((repeats & some).any()):
        return keys, term
    number = (~repeats).cumsum(-1) - 1
    own = torch.zeros(keys.shape) if term is None else term
    own = torch.where(some, own, -torch.inf)
    highest = torch.full_like(own, -torch.inf).scatter_reduce_(-1, number, own, "amax")
    part = torch.where(some, own - highest.gather(-1, number), -torch.inf).exp()
    total = torch.zeros_like(own).scatter_add_(-1, number, part)
    unique = torch.full_like(keys, key_len).scatter_reduce_(-1, number, keys, "amin")
    return unique, torch.where(unique < key_len, highest + total.log(), 0.0)


def _mask(keys: Int[Tensor, "batch heads query_len width"], key_len: int) -> KeyMask | None:
    """Return the mask that lets queries attend to these keys."""
    start, end = runs_of_keys(keys, key_len)
    if start.shape[3] == 1:
        start, end = start[..., 0], end[..., 0]
        every = bool((start == 0).all()) and bool((end == key_len).all())
        return None if every else KeyRanges(start, end)
    runs = KeyRuns(start, end, key_len)
    if start.shape[3] <= _MOST_RUNS:
        return runs
    if keys.shape[:3].numel() * key_len > _LARGEST:
        raise Unreadable("its mask has too many runs of keys to be kept")
    return runs.dense()


def _smallest_bias(
    keys: Int[Tensor, "batch heads query_len width"], bias: Tensor | None, key_len: int
) -> DenseBias | None:
    """Return what is added to scores: by key or by query if that is exact, else as a whole."""
    if bias is None:
        return None
    some = keys < key_len
    if not bool((some & (bias != 0)).any()):
        return None
    batch, heads, query_len, _ = keys.shape
    # Terms that are the same for all queries of a key, or for all keys of a query.
    flat, own = keys.flatten(2), bias.flatten(2)
    low, high = (bias.new_full((batch, heads, key_len + 1), x) for x in (torch.inf, -torch.inf))
    low.scatter_reduce_(-1, flat, own, "amin")
    high.scatter_reduce_(-1, flat, own, "amax")
    low, high = low[..., :key_len], high[..., :key_len]
    if bool((low >= high).all()):
        return DenseBias(torch.where(low > high, 0.0, low)[:, :, None])
    low = torch.where(some, bias, torch.inf).amin(-1)
    high = torch.where(some, bias, -torch.inf).amax(-1)
    if bool((low >= high).all()):
        return DenseBias(torch.where(low > high, 0.0, low)[..., None])
    if batch * heads * query_len * key_len > _LARGEST:
        raise Unreadable("what is added to its scores is too large to keep")
    whole = bias.new_zeros(batch, heads, query_len, key_len + 1)
    return DenseBias(whole.scatter_(-1, keys, bias)[..., :key_len])
