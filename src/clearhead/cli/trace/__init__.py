"""`clearhead trace`: every number between a sentence and its translation."""

from .command import command

__all__ = ["command"]
