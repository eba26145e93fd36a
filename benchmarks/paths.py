"""Where the processes that a benchmark starts run, and where they find clearhead."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent


def search_path() -> str:
    """Return the PYTHONPATH with which a child process finds clearhead, installed or not."""
    import clearhead

    paths = [str(Path(clearhead.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, paths))
