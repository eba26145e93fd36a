"""`clearhead trace`: prints every number that a model computes from a text."""

from .command import command

__all__ = ["command"]
