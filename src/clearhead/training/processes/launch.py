"""Start several processes of one run on this machine, and end them together.

The environment variables are those of torchrun (RANK, WORLD_SIZE), so torchrun can start a run as
well. In addition, the processes find each other through a file of this user and communicate only
over the loopback interface, so that nothing listens to the network. Only the first process prints.
Ctrl-C and SIGTERM are passed on to all. When one process ends, all end, and none survives the
launcher, whatever kills it. The launcher itself never loads PyTorch.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...errors import ConfigError
from .stopping import SIGNALS, Stop, signal_name

MEETING = "CLEARHEAD_MEETING"  # the file in which the processes find each other
MOST_PROCESSES = 128
LEASH = "CLEARHEAD_LEASH"  # set if standard input closes when the launcher ends
LOST_CONTACT = 3  # exit status of a process that ends because another one did
_SECONDS_TO_END = 5.0


def check_processes(count: int, step_tokens: int) -> None:
    """Check that a step has enough rows for all processes.

    Args:
        count: the number of processes.
        step_tokens: batch_tokens times accumulation.

    Raises:
        ConfigError: a process would never have work, or there are more than `MOST_PROCESSES`.
    """
    most = min(MOST_PROCESSES, step_tokens)
    if not 1 <= count <= most:
        raise ConfigError(
            f"The rows of a step cannot be shared among {count} processes: training.batch_tokens "
            f"and training.accumulation give each step {step_tokens:,} tokens, and at most "
            f"{MOST_PROCESSES} processes are started. Give --processes {most} at most."
        )


@dataclass
class _Member:
    rank: int
    process: subprocess.Popen[bytes]
    message_file: IO[bytes] | None
    was_stopped: bool = False

    @property
    def failed_by_itself(self) -> bool:
        return not self.was_stopped and self.process.returncode not in (0, LOST_CONTACT)


def launch(arguments: Sequence[str], count: int) -> int:
    """Run ``python -m clearhead ARGUMENTS`` in ``count`` processes and wait for their end.

    Returns:
        The exit status: 0 if all processes succeeded, otherwise that of the failed process with the
        lowest rank, whose message has then been written to standard error.
    """
    with tempfile.TemporaryDirectory(prefix="clearhead-") as folder, _Orders() as orders:
        meeting = Path(folder) / "meeting"
        members = [_start(arguments, rank, count, meeting) for rank in range(count)]
        try:
            _wait(members, orders)
        finally:
            _stop(members)
    if len(orders.signals) > 1:
        name = signal_name(orders.signals[1])
        print(f"clearhead: Ended at once by {name}; the last checkpoint stays.", file=sys.stderr)
        return 128 + orders.signals[1]
    return _verdict(members)


class _Orders:
    """The signals that the launcher receives within the ``with`` block, in order.

    The processes are started with SIGINT ignored: a terminal sends Ctrl-C to all of them, but only
    the launcher may stop them.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        self._passed_on = 0

    def __enter__(self) -> _Orders:
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            signal.signal(number, lambda number, _: self.signals.append(number))
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_on(self, members: Sequence[_Member]) -> None:
        """Pass on the signals received since the last call to the processes."""
        for number in self.signals[self._passed_on :]:
            for member in members:
                with suppress(OSError):  # it has ended
                    assert member.process.stdin is not None
                    member.process.stdin.write(bytes([number]))
                    member.process.stdin.flush()
            self._passed_on += 1


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C while processes are started, so that they inherit it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def loopback() -> str | None:
    """Return the name of the loopback interface; None if there is none."""
    names = {name for _, name in socket.if_nameindex()}
    return next((name for name in ("lo", "lo0") if name in names), None)


def _start(arguments: Sequence[str], rank: int, count: int, meeting: Path) -> _Member:
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        MEETING: str(meeting),
        LEASH: "1",
    }
    interface = loopback()
    if interface is not None:
        environment["GLOO_SOCKET_IFNAME"] = interface
    message_file = tempfile.TemporaryFile() if rank else None  # noqa: SIM115
    with _without_interrupts():
        process = subprocess.Popen(
            [sys.executable, "-m", "clearhead", *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stderr=message_file,
        )
    return _Member(rank, process, message_file)


def _wait(members: Sequence[_Member], orders: _Orders) -> None:
    """Wait until all processes have ended, or one has failed and the others have had time to."""
    deadline = None
    while [member for member in members if member.process.poll() is None]:
        orders.pass_on(members)
        if len(orders.signals) > 1:
            return
        if deadline is None and any(member.process.returncode for member in members):
            deadline = time.monotonic() + _SECONDS_TO_END
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(0.05)


def _stop(members: Sequence[_Member]) -> None:
    for member in members:
        if member.process.poll() is None:
            member.was_stopped = True
            member.process.kill()
            member.process.wait()
        if member.process.stdin is not None:
            with suppress(OSError):
                member.process.stdin.close()


def _verdict(members: Sequence[_Member]) -> int:
    failed = [member for member in members if member.failed_by_itself]
    if not failed:
        return max(member.process.returncode for member in members)
    first = failed[0]  # by rank; the first process has printed its error itself
    status = first.process.returncode
    if first.message_file is not None:
        first.message_file.seek(0)
        sys.stderr.write(first.message_file.read().decode(errors="replace"))
    if status < 0:
        print(
            f"clearhead: process {first.rank + 1} of {len(members)} was killed by "
            f"{signal.Signals(-status).name}, so training stopped. Start the same command again "
            f"to go on from the last checkpoint.",
            file=sys.stderr,
        )
        return 1
    return int(status)


def end_with_launcher(stop: Stop) -> None:
    """Obey signals passed on by this process's launcher, and end as soon as the launcher ends."""
    if os.environ.get(LEASH):
        stop.leash = True
        threading.Thread(target=_follow, args=(stop,), daemon=True).start()


def _follow(stop: Stop) -> None:
    while order := os.read(0, 1):
        stop.request(order[0])
    os._exit(LOST_CONTACT)
