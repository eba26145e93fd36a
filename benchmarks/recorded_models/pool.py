"""Workers that record models, each a process: one that dies or hangs is a row, not the end."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Job = dict[str, Any]
ROOT = Path(__file__).parents[2]


class Worker:
    """One process, begun anew when it has ended."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.process: subprocess.Popen[str] | None = None

    def rows(self, job: Job) -> Iterator[dict[str, Any]]:
        """Yield the results of one job; the last one tells if the process died or was late."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
            )
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.limit, end)
        timer.start()
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                row = json.loads(line)
                if "done" in row:
                    return
                yield row
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
        status = process.wait()
        yield (
            ended(job, f"took more than {self.limit:g} s", is_skipped=True)
            if late.is_set()
            else ended(job, why_of(status), is_skipped=-status == signal.SIGKILL)
        )

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def why_of(status: int) -> str:
    """Return why a process ended; the system alone kills with SIGKILL, for want of memory."""
    if -status == signal.SIGKILL:
        return "needed more memory than there is"
    return f"the process ended with status {status}"


def ended(job: Job, why: str, *, is_skipped: bool) -> dict[str, Any]:
    """Return the row of a job that gave none."""
    return {
        "library": job["library"],
        "model": job["model"],
        "setting": "",
        "status": "skipped" if is_skipped else "crashed",
        "skipped": why if is_skipped else "",
        "crash": "" if is_skipped else why,
        "attentions": 0,
        "maps": 0,
        "exact": 0,
        "worst": 0.0,
        "refused": {},
        "wrong": [],
        "silent": [],
    }


def run_all(jobs: list[Job], workers: int, limit: float) -> Iterator[dict[str, Any]]:
    """Yield the results of all jobs as they come."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    results: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def work() -> None:
        worker = Worker(limit)
        try:
            while True:
                for row in worker.rows(waiting.get_nowait()):
                    results.put(row)
        except queue.Empty:
            pass
        finally:
            worker.close()
            results.put(None)

    for _ in range(workers):
        threading.Thread(target=work, daemon=True).start()
    running = workers
    while running:
        row = results.get()
        if row is None:
            running -= 1
        else:
            yield row
