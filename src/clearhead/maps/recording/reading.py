"""Reading a recording from its file."""

from __future__ import annotations

from pathlib import Path

from .file import read_contents
from .recording import Recording


def load_recording(path: str | Path) -> Recording:
    """Read what `Recording.save` wrote.

    Raises:
        TraceError: the file is missing, damaged, or no recording.
    """
    return Recording(read_contents(path))
