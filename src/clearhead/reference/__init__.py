"""The readable implementation: a Transformer written as its mathematics, in NumPy alone."""

from __future__ import annotations

from .attention import attention, merge_heads, split_heads
from .masks import causal_mask, combine, extend_mask, padding_mask, sliding_window_mask
from .softmax import log_softmax, softmax
from .step import Step
from .trace import OFF, Off, Trace

__all__ = [
    "OFF",
    "Off",
    "Step",
    "Trace",
    "attention",
    "causal_mask",
    "combine",
    "extend_mask",
    "log_softmax",
    "merge_heads",
    "padding_mask",
    "sliding_window_mask",
    "softmax",
    "split_heads",
]
