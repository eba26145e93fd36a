"""Pauses the recorders of a thread, for computations that should not be recorded."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

import torch


class _Pause(threading.local):
    active = False


_PAUSE = _Pause()


def is_paused() -> bool:
    """Return whether the recorders of this thread are paused."""
    return _PAUSE.active


def pause_recording() -> AbstractContextManager[None]:
    """Do not record the operators within the block."""
    return _Paused()


def recorder_work() -> AbstractContextManager[None]:
    """Mark what a recorder computes for itself, so that another recorder around it ignores it."""
    return _WithoutGradients()


# These blocks run often; generators and `torch.no_grad` would take ten times as long.
class _Paused:
    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before, _PAUSE.active = _PAUSE.active, True

    def __exit__(self, *error: object) -> None:
        _PAUSE.active = self._before


class _WithoutGradients:
    __slots__ = ("_before", "_gradients")

    def __enter__(self) -> None:
        self._before, _PAUSE.active = _PAUSE.active, True
        self._gradients = torch.is_grad_enabled()
        if self._gradients:
            torch._C._set_grad_enabled(False)

    def __exit__(self, *error: object) -> None:
        if self._gradients:
            torch._C._set_grad_enabled(True)
        _PAUSE.active = self._before
