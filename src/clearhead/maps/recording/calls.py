"""The stages of one call of an attending module: growing, finished, or refused.

A call that this process recorded is growing: further steps of a generation may continue it, and its
map is built on demand. A call of which only measures were kept, or that was read from a file, is
finished from the start. A call whose attention cannot be read exactly is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..attention_map import AttentionMap
from ..storage.summary_map import SummaryMap
from .growing_call import GrowingCall
from .outline import Outline

Map = AttentionMap | SummaryMap


@dataclass(frozen=True, eq=False)
class FinishedCall:
    """A call whose map exists."""

    result: Map

    def map(self) -> Map:
        """Return the map."""
        return self.result

    @property
    def nbytes(self) -> int:
        """Memory of the queries and keys, in bytes; measures alone do not count."""
        return self.result.nbytes if isinstance(self.result, AttentionMap) else 0

    @property
    def outline(self) -> Outline:
        """The row of the call in tables."""
        result, source = self.result, self.result.source
        _, heads, query_len, key_len = result.shape
        if isinstance(result, AttentionMap):
            kv_heads, remark = result.key.shape[1], ""
        else:
            kv_heads, remark = heads, " (summaries)"
        return Outline(source.kind, heads, kv_heads, query_len, key_len, source.kernel + remark)


@dataclass(frozen=True)
class Refusal:
    """An attention that ran but cannot be read exactly.

    Attributes:
        why: the reason.
        kernel: what computed it.
    """

    why: str
    kernel: str


Call = GrowingCall | FinishedCall | Refusal
