"""One step of decoding in few calls: the numbers of the reference's layers, bit for bit.

With one row, a step of the layers of `clearhead.reference` spends two thirds of its time in Python:
names of steps for a trace, checks of shapes, kinds of model. Without a watcher, `DecoderStep` does
the same NumPy operations in the same order, with everything constant prepared once. It declines
models with features that it does not implement, and then the layers run.
"""

from __future__ import annotations

from .decoder import DecoderStep

__all__ = ["DecoderStep"]
