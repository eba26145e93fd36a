"""`clearhead check`: tests a learner's functions and describes their mistakes."""

from .command import command

__all__ = ["command"]
