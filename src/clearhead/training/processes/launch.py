"""Start several processes of one run on this machine, and end them together.

The environment is that of torchrun (RANK, WORLD_SIZE), so torchrun may start a run as well. Beyond
that, the processes find each other through a file of this user and talk over the loopback
interface alone, so that nothing listens to the network; only the first process prints; Ctrl-C and
SIGTERM are passed on to all; when one process ends, all end; and none is left over, whatever kills
the launcher. The launcher itself never loads PyTorch.
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
LEASH = "CLEARHEAD_LEASH"  # set where standard input closes when the launcher is gone
LOST_CONTACT = 3  # exit status of a process that ends because another one did
_SECONDS_TO_END = 5.0


def check_processes(count: int, step_tokens: int) -> None:
    """Refuse more processes than there can be rows in a step.

    Args:
        count: of processes.
        step_tokens: batch_tokens times accumulation.

    Raises:
        ConfigError: some process would never have work, or there are absurdly many.
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
    """Run ``python -m clearhead ARGUMENTS`` in so many processes and wait for their end.

    Returns:
        The exit status for the whole: 0 when all ended well; otherwise that of the process that
        failed first, whose message is on standard error by then.
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
    """The signals that the launcher receives within the block, in their order.

    The processes are started with SIGINT ignored: a terminal sends Ctrl-C to all of them, but
    they stop by the launcher's order alone.
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
        """Pass on to the processes the signals that came since the last call."""
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
    """Return the name of the interface that no other machine reaches; None where it has none."""
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
    """Wait until all have ended, or one has failed and the others had time to say so."""
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
    first = failed[0]  # by rank: the first process has told its reason itself
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
    """Follow the orders of the launcher of this process, and end as soon as it is gone."""
    if os.environ.get(LEASH):
        stop.leash = True
        threading.Thread(target=_follow, args=(stop,), daemon=True).start()


def _follow(stop: Stop) -> None:
    while order := os.read(0, 1):
        stop.request(order[0])
    os._exit(LOST_CONTACT)
