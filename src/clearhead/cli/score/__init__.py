"""`clearhead score`: how likely a model finds each pair of a corpus."""

from .command import command

__all__ = ["command"]
