"""Starting several processes of one run on this machine, and what their user sees of it.

The environment is what torchrun would give (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT), so a
run may be started by torchrun as well. What this adds: one voice, since only the first process
speaks; an end of all when one ends; and no orphans, whatever kills the launcher. The launcher
itself never loads PyTorch.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from ..errors import ConfigError

LEASH = "CLEARHEAD_LEASH"  # set where standard input closes when the launcher is gone
LOST_CONTACT = 3  # exit status of a process that ends because another one did
_SECONDS_TO_END = 5.0


def check_processes(count: int, accumulation: int) -> None:
    """Refuse more processes than there are batches in a step.

    Raises:
        ConfigError: some process would never have work.
    """
    if count > accumulation:
        raise ConfigError(
            f"{count} processes need at least {count} batches in each step; "
            f"training.accumulation is {accumulation}. Give --processes {accumulation} at most, "
            f"or --set training.accumulation={count}."
        )


@dataclass
class _Member:
    rank: int
    process: subprocess.Popen[bytes]
    said: IO[bytes] | None
    stopped: bool = False

    @property
    def failed_by_itself(self) -> bool:
        return not self.stopped and self.process.returncode not in (0, LOST_CONTACT)


def launch(arguments: Sequence[str], count: int) -> int:
    """Run ``python -m clearhead ARGUMENTS`` in so many processes and wait for their end.

    Returns:
        The exit status for the whole: 0 when all ended well; otherwise that of the process that
        failed first, whose message is on standard error by then.
    """
    port = _free_port()
    members = [_start(arguments, rank, count, port) for rank in range(count)]
    try:
        _wait(members)
    finally:
        _stop(members)
    return _verdict(members)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _start(arguments: Sequence[str], rank: int, count: int, port: int) -> _Member:
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        LEASH: "1",
    }
    environment.setdefault("OMP_NUM_THREADS", "1")
    said = tempfile.TemporaryFile() if rank else None  # noqa: SIM115
    process = subprocess.Popen(
        [sys.executable, "-m", "clearhead", *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stderr=said,
    )
    return _Member(rank, process, said)


def _wait(members: Sequence[_Member]) -> None:
    """Until all have ended, or one has failed and the others had time to say so."""
    deadline = None
    while any(member.process.poll() is None for member in members):
        if deadline is None and any(member.process.returncode for member in members):
            deadline = time.monotonic() + _SECONDS_TO_END
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(0.05)


def _stop(members: Sequence[_Member]) -> None:
    for member in members:
        if member.process.poll() is None:
            member.stopped = True
            member.process.kill()
            member.process.wait()
        if member.process.stdin is not None:
            member.process.stdin.close()


def _verdict(members: Sequence[_Member]) -> int:
    failed = [member for member in members if member.failed_by_itself]
    if not failed:
        return max(member.process.returncode for member in members)
    first = failed[0]  # by rank: the first process has told its reason itself
    status = first.process.returncode
    if first.said is not None:
        first.said.seek(0)
        sys.stderr.write(first.said.read().decode(errors="replace"))
    if status < 0:
        print(
            f"clearhead: process {first.rank + 1} of {len(members)} was killed by "
            f"{signal.Signals(-status).name}, so training stopped. Start the same command again "
            f"to go on from the last checkpoint.",
            file=sys.stderr,
        )
        return 1
    return int(status)


def end_with_launcher() -> None:
    """In a process that `launch` started: end as soon as the launcher is gone, if killed too."""
    if os.environ.get(LEASH):
        threading.Thread(target=_end_at_end_of_input, daemon=True).start()


def _end_at_end_of_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(LOST_CONTACT)
