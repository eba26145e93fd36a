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
    """Do each piece of work in a forked process, and return what they returned, by name.

    Several pieces may have one name: their rows are added up. An exception becomes
    ``{"faults": [its traceback]}``. The parent computes nothing meanwhile.
    """
    waiting = list(works)
    running: dict[int, tuple[str, Any]] = {}
    results: dict[str, Any] = {name: {} for name, _ in works}
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
        row = json.loads(answer.read()) if not status else {"faults": [f"{name}: status {status}"]}
        answer.close()
        results[name] = add_up(results[name], row)
        faults = "".join(f"\n  {fault}" for fault in row["faults"])
        print(f"{name}: {row.get('seconds')} s{faults}", file=sys.stderr, flush=True)
    return results


def add_up(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two rows of one name as one: counts are added, and what went wrong is listed."""
    row = dict(one)
    for name, value in other.items():
        before = row.get(name)
        if before is None or isinstance(value, str):
            row[name] = value
        elif name in ("calls", "litter"):  # the same in all parts, or the most of any
            row[name] = max(before, value)
        elif name == "unsynced":
            row[name] = sorted({*before, *value})
        elif value is not None:
            row[name] = before + value
    return row


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


def works(parts: Sequence[str], base: Path, *, short: bool) -> dict[str, list[Work]]:
    """The pieces of work of the parts of the suite, the longest first in each."""
    from tests.faults.damage import damage_works
    from tests.faults.kills import kill_works
    from tests.faults.troubles.catalogue import trouble_works

    makers = {"troubles": trouble_works, "kills": kill_works, "damage": damage_works}
    return {name: make(base, short=short) for name, make in makers.items() if name in parts}
