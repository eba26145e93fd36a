"""The system calls that change files, and those that read them; and what may befall one of them.

Numbers and registers are those of Linux on x86-64.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

# Call -> (its number, the arguments that are paths, with the folder that each begins at; the
# argument that is an open file).
HERE = None
PATHS: dict[str, tuple[int, tuple[tuple[int | None, int], ...]]] = {
    "open": (2, ((HERE, 0),)),
    "truncate": (76, ((HERE, 0),)),
    "rename": (82, ((HERE, 0), (HERE, 1))),
    "mkdir": (83, ((HERE, 0),)),
    "rmdir": (84, ((HERE, 0),)),
    "creat": (85, ((HERE, 0),)),
    "link": (86, ((HERE, 0), (HERE, 1))),
    "unlink": (87, ((HERE, 0),)),
    "symlink": (88, ((HERE, 1),)),
    "chmod": (90, ((HERE, 0),)),
    "openat": (257, ((0, 1),)),
    "mkdirat": (258, ((0, 1),)),
    "unlinkat": (263, ((0, 1),)),
    "renameat": (264, ((0, 1), (2, 3))),
    "linkat": (265, ((0, 1), (2, 3))),
    "symlinkat": (266, ((1, 2),)),
    "fchmodat": (268, ((0, 1),)),
    "renameat2": (316, ((0, 1), (2, 3))),
}
FILES = {
    "write": (1, 0),
    "pwrite64": (18, 0),
    "writev": (20, 0),
    "sendfile": (40, 0),
    "fsync": (74, 0),
    "fdatasync": (75, 0),
    "ftruncate": (77, 0),
    "fchmod": (91, 0),
    "fallocate": (285, 0),
    "pwritev": (296, 0),
    "copy_file_range": (326, 2),
}
READS = {
    "read": (0, 0),
    "pread64": (17, 0),
    "readv": (19, 0),
    "preadv": (295, 0),
}
"""Those that read an open file."""
FLAGS = {"open": 1, "openat": 2}
OPENED_TO_CHANGE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
WRITES = ("write", "pwrite64", "writev", "pwritev", "sendfile", "copy_file_range")
# What a full disk refuses: bytes, and new names.
NEED_ROOM = (*WRITES, "mkdir", "mkdirat", "open", "openat", "creat", "fsync", "fdatasync")


@dataclass(frozen=True)
class Call:
    """One system call that changes files: its name, and the paths below the folder."""

    name: str
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.paths)})"


@dataclass(frozen=True)
class Fault:
    """What befalls one call, counted from 1.

    Attributes:
        at: the call.
        error: the number with which it is refused; None ends the process before it (SIGKILL).
        is_half: of a write, whether half of its bytes are written before the process ends.
        between: what is done while the process waits before the call, instead.
    """

    at: int
    error: int | None = None
    is_half: bool = False
    between: Callable[[], object] | None = None


@dataclass(frozen=True)
class Outcome:
    """How the work ended.

    Attributes:
        calls: that changed files, in order.
        status: 0, what it ended with, or the negative number of the signal.
        words: what it wrote to standard output and standard error.
    """

    calls: tuple[Call, ...]
    status: int
    words: str
