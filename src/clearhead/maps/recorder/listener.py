"""The protocol of what is told of the attentions that a recorder reads."""

from __future__ import annotations

from typing import Protocol

from ..recording.captured import CapturedAttention
from .owners import Owner


class Listener(Protocol):
    """Is told of each attention of a model, once."""

    def add(self, owner: Owner, captured: CapturedAttention) -> None:
        """Receive an attention that was read, and the module that computed it."""

    def refuse(self, owner: Owner, why: str, kernel: str) -> None:
        """Receive a refusal: the module, the reason, and the kernel."""
