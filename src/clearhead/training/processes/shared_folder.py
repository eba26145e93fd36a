"""Checks that all processes of a run, even on several machines, see the same run folder."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from ...errors import TrainingError
from .launch import MEETING
from .parallel import Processes

_NAME = "meeting"
_SECONDS = 20.0  # the time that a network drive may take to show a new file


def check_shared_folder(run: Path, processes: Processes) -> None:
    """Check that every process sees the run's folder of the first process.

    The first process writes a random number to a file there, and the others look for it. Processes
    started by the launcher are all on one machine, so this check is skipped for them.

    Raises:
        TrainingError: in every process, if any process did not find the number.
    """
    if processes.count == 1 or os.environ.get(MEETING):
        return
    path = run / _NAME
    number = secrets.randbits(62) if processes.first else 0
    if processes.first:
        path.write_text(str(number), encoding="ascii")
    number = processes.agree(number)
    blind = processes.agree(0 if _is_there(path, number) else processes.rank + 1)
    if processes.first:
        with suppress(OSError):
            path.unlink()
    if blind:
        raise TrainingError(
            f"Process {blind} of {processes.count} does not see what the first one writes to "
            f"{run.resolve()}. Processes on several machines need the run's folder on a file "
            f"system that they share: name one with --run."
        )


def _is_there(path: Path, number: int) -> bool:
    deadline = time.monotonic() + _SECONDS
    while True:
        with suppress(OSError):
            if path.read_text(encoding="ascii") == str(number):
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
