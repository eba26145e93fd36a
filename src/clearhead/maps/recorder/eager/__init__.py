"""Reads attention that a model writes out in operators: product, softmax, product."""

from ._scores import ScoreTracker

__all__ = ["ScoreTracker"]
