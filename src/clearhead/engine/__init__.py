"""The engine: runs the reference's own layers fast, and so that no row depends on another.

`ReferenceEngine` implements `Engine`, the protocol that search uses; its `begin` returns a
`Decoding`.
"""

from __future__ import annotations

from .cache import KeyValueCache
from .greedy import greedy
from .in_place import IN_PLACE
from .products import INDEPENDENT_ROWS, method
from .protocols import Decoding, Engine
from .reference_engine import ReferenceEngine

__all__ = [
    "INDEPENDENT_ROWS",
    "IN_PLACE",
    "Decoding",
    "Engine",
    "KeyValueCache",
    "ReferenceEngine",
    "greedy",
    "method",
]
