"""`clearhead patch`: which part of a model carries the difference between two texts."""

from .command import command

__all__ = ["command"]
