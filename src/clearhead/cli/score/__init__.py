"""`clearhead score`: scores each pair of a corpus by its probability under a model."""

from .command import command

__all__ = ["command"]
