"""Keeps freed memory in the process between training steps."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_LARGE = (1 << 31) - 1  # the largest value that mallopt accepts


def keep_memory() -> bool:
    """Make the C library keep freed memory, so that the next step can reuse it.

    A step frees its tensors, and glibc returns large blocks to the system, which must clear their
    pages again in the next step; this takes a few percent of its time. After this call the process
    returns memory only when it ends. With another library than glibc, nothing happens.

    Returns:
        Whether the library keeps freed memory now.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):  # its options may be numbered otherwise
        return False
    return all(
        library.mallopt(option, _LARGE) == 1 for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)
    )
