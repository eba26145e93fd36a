"""Which keys each query may attend to: a mask in one of three exact forms.

All three answer the same questions (`tile`, `sees`, `part`, `intersect`, ...). They differ in
memory: `KeyRanges` and `KeyRuns` are linear in the length, a `DenseMask` need not be.
"""

from __future__ import annotations

from torch import Tensor

from ....shapes import Bool
from .dense_mask import DenseMask
from .key_ranges import KeyRanges
from .key_runs import KeyRuns

KeyMask = KeyRanges | KeyRuns | DenseMask
"""One run of keys per query, several runs per query, or any set of keys."""


def intersection(one: KeyMask | None, other: KeyMask | None) -> KeyMask | None:
    """Return the mask of the keys that both masks let a query attend to; None hides nothing."""
    if one is None or other is None:
        return one if other is None else other
    if isinstance(other, KeyRanges):
        return one.intersect(other)
    if isinstance(one, KeyRanges):
        return other.intersect(one)
    both = DenseMask(_visible(one) & _visible(other))
    for ranges in (one.ranges, other.ranges):
        both = both if ranges is None else both.intersect(ranges)
    return both


def _visible(mask: KeyRuns | DenseMask) -> Bool[Tensor, "#batch #heads #query_len #key_len"]:
    """Return True where a query may attend, if the mask's ranges say so too."""
    return mask.dense().visible if isinstance(mask, KeyRuns) else mask.visible
