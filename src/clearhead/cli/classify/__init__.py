"""``clearhead classify``."""

from .command import command

__all__ = ["command"]
