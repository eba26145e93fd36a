"""Many clients at once, each asking the explorer one question after the other."""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 160.0  # longer than a question may wait and take
FLAT, MOST_ROUNDS = 1.02, 12
HEADERS = {"Content-Type": "application/json"}


@dataclass
class Crowd:
    """The answers to a crowd, counted by any of its threads.

    Attributes:
        statuses: how often each HTTP status came.
        seconds: how long each answer took, by status.
        broken: errors that are no answer, in words: a connection that was cut, a refusal
            without words.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: dict[int, list[float]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, status: int, seconds: float) -> None:
        """Count one answer."""
        with self._lock:
            self.statuses[status] += 1
            self.seconds.setdefault(status, []).append(seconds)

    def add_broken(self, words: str) -> None:
        """Count one error that is no answer."""
        with self._lock:
            self.broken.append(words)


def questions(text: str, random_: random.Random) -> list[tuple[str, dict[str, object]]]:
    """Return a reader's questions about a sentence, in a random order after the run itself."""
    run = {"text": text}
    edit = {"kind": "ablate_head", "part": "cross", "layer": 0, "head": 0}
    more: list[tuple[str, dict[str, object]]] = [
        ("run", {**run, "edits": [edit]}),
        ("overview", {"run": run, "part": "encoder"}),
        ("overview", {"run": run, "part": "cross"}),
        ("array", {"run": run, "items": [{"path": "probabilities", "window": None}]}),
        ("array", {"run": run, "items": [{"path": "no.such.step", "window": None}]}),
        ("beam", {"run": run, "beam_size": 3}),
        ("words", {"query": text[:3]}),
        ("model", {}),
    ]
    return [("run", run), *random_.sample(more, 3)]


def crowd(port: int, clients: int, seconds: float, texts: Sequence[str]) -> Crowd:
    """Let clients ask for so long.

    Args:
        port: of a server on the loopback.
        clients: how many, each with a thread and a connection that it keeps.
        seconds: how long new questions are asked.
        texts: the sentences that are asked about.

    Returns:
        The answers. Questions about a step that does not exist count as answered when they
        are answered with 404.
    """
    result, end = Crowd(), time.monotonic() + seconds

    def client(number: int) -> None:
        random_ = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        while time.monotonic() < end:
            for name, params in questions(random_.choice(texts), random_):
                if time.monotonic() >= end:
                    break
                if _ask(connection, name, params, result) in (429, 503):
                    # As Retry-After asks, and not all at the same moment.
                    time.sleep(random_.uniform(0.5, 1.0) * min(1, seconds / 10))
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return result


def _ask(
    connection: http.client.HTTPConnection, name: str, params: dict[str, object], result: Crowd
) -> int:
    """Ask one question, count what came in the result, and return the status; 0 without one."""
    start = time.perf_counter()
    try:
        connection.request("POST", f"/api/{name}", json.dumps(params), HEADERS)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # and opened again with the next question
        result.add_broken(repr(error))
        return 0
    status = response.status
    if status == 404 and b"TraceError" in content and "no.such.step" in str(params):
        status = 200  # the right answer to this question
    result.add(status, time.perf_counter() - start)
    if status != 200 and not has_message(content):
        result.add_broken(f"{status} without words: {content[:80]!r}")
    return status


def resident(process: int) -> int:
    """Return the bytes of memory that a process holds; 0 where /proc does not say."""
    status = Path(f"/proc/{process}/status")
    match = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(match[1]) * 1024 if match else 0


def warm_up(port: int, process: int, clients: int, seconds: float, texts: Sequence[str]) -> int:
    """Let a crowd ask, so many seconds at a time, until the server's memory has stopped growing.

    What was computed lately is remembered up to a bound, which takes a while to be reached.

    Returns:
        Bytes of memory that the server holds then.
    """
    memory = resident(process)
    for _ in range(MOST_ROUNDS):
        crowd(port, clients, seconds, texts)
        before, memory = memory, resident(process)
        if memory <= before * FLAT:
            break
    return memory


def has_message(content: bytes) -> bool:
    """Tell whether an error has a message in words."""
    try:
        return bool(json.loads(content)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return False
