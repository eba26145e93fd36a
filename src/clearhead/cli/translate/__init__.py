"""`clearhead translate`: translates texts, lines and whole corpora."""

from .command import command

__all__ = ["command"]
