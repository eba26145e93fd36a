"""Attention on demand: any weight of any PyTorch model, at any length, with its fused kernel on."""

from .attention_map import AttentionMap
from .measures.base import Measure
from .measures.per_position import (
    Diagonal,
    Distance,
    Entropy,
    LogSumExp,
    Received,
    Sink,
    as_measure,
)
from .measures.pooled import Mass, Pooled
from .measures.topk import TopK, TopKeys
from .scores.scoring import Scoring
from .storage.provenance import Source

__all__ = [
    "AttentionMap",
    "Diagonal",
    "Distance",
    "Entropy",
    "LogSumExp",
    "Mass",
    "Measure",
    "Pooled",
    "Received",
    "Scoring",
    "Sink",
    "Source",
    "TopK",
    "TopKeys",
    "as_measure",
]
