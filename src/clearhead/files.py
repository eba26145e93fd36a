"""What all that writes files shares."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path


def write_with_usual_mode(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file, with the permissions that any new file of this user has.

    The safetensors library makes files that their owner alone can read, whatever the umask: a
    model given to others would then be one that they cannot load.

    Args:
        path: of the file; an existing one is replaced and keeps its permissions.
        write: called with the path.
    """
    path = Path(path)
    with open(path, "ab") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    write(path)
    os.chmod(path, mode)
