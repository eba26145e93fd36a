"""`clearhead trace`: every number between a text and what a model makes of it."""

from .command import command

__all__ = ["command"]
