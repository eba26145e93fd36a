"""Memory that stays with the process between one step and the next."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_LARGE = (1 << 31) - 1  # the most that mallopt takes


def keep_memory() -> bool:
    """Let the C library keep what is freed, so that the next step need not fetch it again.

    A step frees all that it computed, and glibc gives large pieces back to the system, whose
    pages are then cleared anew in the next step: some hundredths of its time. Afterwards this
    process gives memory back only when it ends. Where the library is not glibc, nothing happens.

    Returns:
        Whether it is so now.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):  # another library may number its options else
        return False
    return all(
        library.mallopt(option, _LARGE) == 1 for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)
    )
