"""`clearhead patch`: finds the parts of a model that carry the difference between two texts."""

from .command import command

__all__ = ["command"]
