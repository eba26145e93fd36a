"""One step of decoding in few calls: the numbers of the reference's layers, bit for bit.

With one row, a step of the layers of `clearhead.reference` spends two thirds of its time in Python:
names of steps for a trace, checks of shapes, kinds of model. When nobody watches, `DecoderStep`
does the same operations of NumPy in the same order, with what does not change prepared once. Where
a model has more than it knows, it says so, and the layers run.
"""

from __future__ import annotations

from .decoder import DecoderStep

__all__ = ["DecoderStep"]
