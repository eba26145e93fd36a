"""`clearhead check`: a learner's functions, and what is off in them."""

from .command import command

__all__ = ["command"]
