"""The row of one call of an attending module in a table."""

from __future__ import annotations

from typing import NamedTuple


class Outline(NamedTuple):
    """The kind, sizes and kernel of an attention.

    Attributes:
        kind: ``"self"`` or ``"cross"``.
        heads, kv_heads: the number of heads of the queries, and of the keys.
        query_len, key_len: the number of queries and keys.
        kernel: what computed it, with a remark on how it is stored.
    """

    kind: str
    heads: int
    kv_heads: int
    query_len: int
    key_len: int
    kernel: str
