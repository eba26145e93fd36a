"""Attention that a model writes out itself: a product, a softmax, and a product with the values."""

from ._scores import ScoreTracker

__all__ = ["ScoreTracker"]
