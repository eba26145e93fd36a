"""Pausing the recorders of a thread: for what they compute themselves, or are shown elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class _Pause(threading.local):
    active = False


_PAUSE = _Pause()


def is_paused() -> bool:
    """Return whether the recorders of this thread are paused."""
    return _PAUSE.active


@contextmanager
def pause_recording() -> Iterator[None]:
    """Let the operators within the block go by without being recorded."""
    before, _PAUSE.active = _PAUSE.active, True
    try:
        yield
    finally:
        _PAUSE.active = before


@contextmanager
def recorder_work() -> Iterator[None]:
    """Mark what a recorder computes for itself, so that another recorder around it ignores it."""
    with pause_recording(), torch.no_grad():
        yield
