"""The real server in a process of its own, which ends with the test, whatever happens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
PATIENCE = 60.0  # seconds; the machine may be busy


@dataclass
class Served:
    """A running `clearhead explore`.

    Attributes:
        process: it.
        base: its address without a slash at its end, and without the token.
        token: what the address must name; empty where everyone is let in.
        lines: what it has said.
    """

    process: subprocess.Popen[str]
    base: str
    token: str
    lines: list[str]

    @property
    def port(self) -> int:
        return int(self.base.rsplit(":", 1)[1])

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Interrupt it; its exit status and what it wrote to standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


def die_with_parent() -> None:
    # In the child, before it becomes the server. A default SIGINT too: background jobs ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def environment(**more: str) -> dict[str, str]:
    paths = [str(SOURCE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}


def _next_line(lines: queue.Queue[str | None], process: subprocess.Popen[str]) -> str:
    line = lines.get(timeout=PATIENCE)
    if line is None:
        raise RuntimeError(f"The explorer ended: {process.communicate()[1]}")
    return line


@contextlib.contextmanager
def served(
    *arguments: str, port: str | None = "0", token: str | None = "", **more: str
) -> Iterator[Served]:
    """Start `clearhead explore` with these arguments, wait until it says its address.

    It lets everyone in unless a token is given, or None for the one that it makes up.
    """
    how = [] if port is None else ["--port", port]
    how += [] if token is None else ["--token", token]
    command = [sys.executable, "-m", "clearhead", "explore", "--no-browser", *how, *arguments]
    process = subprocess.Popen(
        command,
        env=environment(**{"CLEARHEAD_TOKEN": "", **more}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,
    )
    try:
        heard: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_hear, args=(process, heard), daemon=True).start()
        lines: list[str] = []
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", lines[-1] if lines else "")):
            lines.append(_next_line(heard, process))
        named = re.search(r"[?]token=([\w-]+)", lines[-1])
        yield Served(process, found[0], named[1] if named else "", lines)
    finally:
        end_process(process)


def end_process(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and end it when it does not."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    if process.poll() is None:
        process.kill()
        process.wait()


def _hear(process: subprocess.Popen[str], heard: queue.Queue[str | None]) -> None:
    for line in process.stdout:
        heard.put(line)
    heard.put(None)


def until(condition, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.01)
