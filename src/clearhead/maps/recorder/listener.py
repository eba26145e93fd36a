"""What hears of the attentions that a recorder reads."""

from __future__ import annotations

from typing import Protocol

from ..recording.captured import CapturedAttention
from .owners import Owner


class Listener(Protocol):
    """Hears of each attention of a model, once."""

    def add(self, owner: Owner, captured: CapturedAttention) -> None:
        """Take an attention that was read, and the module that computed it."""

    def refuse(self, owner: Owner, why: str, kernel: str) -> None:
        """Take an attention that cannot be read: the module, the reason, and the kernel."""
