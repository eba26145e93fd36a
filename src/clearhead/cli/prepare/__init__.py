"""`clearhead prepare`: makes training text from a recipe."""

from .command import command

__all__ = ["command"]
