"""Measures of attention, all computed in one pass over the tiles of a map."""

from .base import Measure
from .per_position import Diagonal, Distance, Entropy, LogSumExp, Received, Sink, as_measure
from .pooled import Mass, Pooled
from .topk import TopK, TopKeys

__all__ = [
    "Diagonal",
    "Distance",
    "Entropy",
    "LogSumExp",
    "Mass",
    "Measure",
    "Pooled",
    "Received",
    "Sink",
    "TopK",
    "TopKeys",
    "as_measure",
]
