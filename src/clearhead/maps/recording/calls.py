"""The stages of one call of an attending module: growing, finished, or refused.

A call is growing as long as it was recorded by this process: further steps of a generation may
continue it, and its map is built on demand. It is finished from the start where only measures were
kept, or where it was read from a file. It is refused where its attention cannot be read exactly.
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
        """What tables say of the call."""
        result, source = self.result, self.result.source
        _, heads, query_len, key_len = result.shape
        if isinstance(result, AttentionMap):
            kv_heads, remark = result.key.shape[1], ""
        else:
            kv_heads, remark = heads, " (summaries)"
        return Outline(source.kind, heads, kv_heads, query_len, key_len, source.kernel + remark)


@dataclass(frozen=True)
class Refusal:
    """An attention that took place and cannot be told exactly.

    Attributes:
        why: what stands in the way.
        kernel: what computed it.
    """

    why: str
    kernel: str


Call = GrowingCall | FinishedCall | Refusal
