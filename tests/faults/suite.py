"""The trials of the suite, each in a process of its own, two at a time; and their rows."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Work = tuple[str, Callable[[], Any]]


def run_all(works: Sequence[Work], processes: int) -> dict[str, Any]:
    """Do each piece of work in a forked process, and return what it returned, by name.

    An exception becomes ``{"faults": [its traceback]}``. The parent has threads of no library
    then, because it computes nothing itself.
    """
    waiting = list(works)
    running: dict[int, tuple[str, Any]] = {}
    results: dict[str, Any] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            name, work = waiting.pop(0)
            answer = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read when the process ends
            child = os.fork()
            if not child:
                _answer(work, answer)
            running[child] = (name, answer)
        child, status = os.wait()
        name, answer = running.pop(child)
        answer.seek(0)
        results[name] = (
            json.loads(answer.read()) if not status else {"faults": [f"{name}: status {status}"]}
        )
        answer.close()
        print(f"{name}: {results[name].get('seconds')} s", file=sys.stderr, flush=True)
    return {name: results[name] for name, _ in works}


def _answer(work: Callable[[], Any], answer: Any) -> None:
    begin = time.perf_counter()
    try:
        result = work()
    except BaseException:
        result = {"faults": [traceback.format_exc()]}
    result["seconds"] = round(time.perf_counter() - begin, 1)
    json.dump(result, answer)
    answer.flush()
    sys.stdout.flush()
    os._exit(0)


def works(part: str, base: Path, *, short: bool) -> list[Work]:
    """The pieces of work of a part of the suite, the longest first."""
    if part == "kills":
        from tests.faults.kills import kill_works

        return kill_works(base, short=short)
    if part == "damage":
        from tests.faults.damage import damage_works

        return damage_works(base, short=short)
    from tests.faults.surroundings import trouble_works

    return trouble_works(base, short=short)
