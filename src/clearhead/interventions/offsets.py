"""The positions of the queries and keys of an attention."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..maps.recorder.owners import Lengths, Owner, attention_kind


@dataclass(frozen=True)
class Past:
    """The tokens in a cache when a model is called.

    Attributes:
        length: their number; None if there is a cache that does not tell.
        cached: whether there is a cache.
    """

    length: int | None = 0
    cached: bool = False


@dataclass(frozen=True)
class Offsets:
    """The positions of the first query and the first key.

    Attributes:
        query: of the first query; None if unknown.
        key: of the first key.
        doubt: why that of the query is unknown.
    """

    query: int | None
    key: int
    doubt: str = ""


def offsets_of(owner: Owner, past: Past, batch: int, query_len: int, key_len: int) -> Offsets:
    """Return the positions of the first query and key of one attention.

    The keys of self-attention end at the last query. A sliding-window cache begins later than
    position 0; a static cache has unused keys behind the last query.

    Args:
        owner: the attending module.
        past: what the cache held when the model was called.
        batch, query_len, key_len: the sizes of the attention.
    """
    kind = owner.kind or attention_kind(owner.calls, Lengths(batch, query_len, key_len))
    if past.length is None:
        return Offsets(None, 0, "the model was called with a cache that does not say its length")
    if kind == "cross":
        return Offsets(past.length, 0)
    if past.cached:
        return Offsets(past.length, max(0, past.length + query_len - key_len))
    if key_len <= query_len or isinstance(owner.module, nn.MultiheadAttention):
        return Offsets(0, 0)
    return Offsets(
        None,
        0,
        f"there are {query_len} queries to {key_len} keys and no cache that says where the first "
        "query stands",
    )
