"""What is fuzzed: every reader of a file or a message that may be a stranger's.

A target takes bytes. It may return, or refuse them with one of our errors, in one printable line;
anything else is a finding.
"""

from __future__ import annotations

from . import files, models, page, tokenizers
from .target import Target

__all__ = ["TARGETS", "Target"]

TARGETS = {
    target.name: target for room in (models, tokenizers, files, page) for target in room.TARGETS
}
