"""`clearhead inspect`: the attention of any PyTorch model."""

from .command import command

__all__ = ["command"]
