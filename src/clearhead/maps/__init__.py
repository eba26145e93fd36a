"""Attention on demand: any weight of any PyTorch model, at any length, with its fused kernel on."""

from .attention_map import AttentionMap
from .measures import Diagonal, Distance, Entropy, LogSumExp, Received, Sink, as_measure
from .measuring import Measure
from .pooled import Mass, Pooled
from .provenance import Source
from .scoring import Scoring
from .topk import TopK, TopKeys

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
