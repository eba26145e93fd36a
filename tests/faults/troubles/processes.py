"""Two processes in one folder, clocks, and folders that are copied while they change."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.kills import PLACES, litter
from tests.faults.operations import runs
from tests.faults.operations.operation import Operation, shared
from tests.faults.system_calls import Fault
from tests.faults.tracer import watch
from tests.faults.troubles.row import Row


def two_processes(base: Path, operations: Sequence[Operation], *, short: bool) -> Row:
    """While one waits before a call, another does the same work in the same folder, to its end."""
    row = Row("two processes in one folder")
    for operation in operations:
        pristine = Path(tempfile.mkdtemp(dir=base))
        operation.begin(pristine)
        folder = pristine.with_name(pristine.name + " now")
        shutil.copytree(pristine, folder)
        count = len(watch(lambda there=folder, one=operation: one.work(there), folder).calls)
        most = 2 if short else 12
        most = min(most, PLACES or most)
        for place in sorted(
            {1 + i * (count - 1) // max(1, min(most, count) - 1) for i in range(min(most, count))}
        ):
            shutil.rmtree(folder)
            shutil.copytree(pristine, folder)
            _both(row, operation, folder, place)
        shutil.rmtree(folder)
    return row


def _both(row: Row, operation: Operation, folder: Path, place: int) -> None:
    note = folder.with_name(folder.name + " note")

    def other() -> None:
        outcome = watch(lambda: operation.work(folder), folder)
        note.write_text(f"{outcome.status} {outcome.words}")

    first = watch(lambda: operation.work(folder), folder, Fault(place, between=other))
    status, _, words = note.read_text().partition(" ")
    case = f"{operation.name}, at call {place}"
    row.count(f"{case}, the first", first.status, first.words)
    row.count(f"{case}, the second", int(status), words)
    if first.status and int(status):
        row.faults.append(f"{case}: both were refused: {first.words[-200:]} / {words[-200:]}")
    try:
        if operation.look(folder) != "new":
            row.faults.append(f"{case}: it is not done")
    except Exception as error:
        row.faults.append(f"{case}: {type(error).__name__}: {error}"[:300])
    if rest := litter(folder):
        row.faults.append(f"{case}: left {', '.join(rest)}")


def clock_set_back(base: Path, operations: Sequence[Operation], *, short: bool) -> Row:
    """Files of the next year in the folder, the oldest the newest, and a clock that goes back."""
    now = time.time()
    row = Row("clock set back")
    for operation in operations:
        folder = Path(tempfile.mkdtemp(dir=base))
        operation.begin(folder)
        for number, path in enumerate(sorted(folder.rglob("*"))):
            next_year = now + 86400 * (365 - number)
            os.utime(path, (next_year, next_year))

        def work(there: Path = folder, one: Operation = operation) -> None:
            looks = iter(range(1, 1 << 40))
            time.time = lambda: now - 86400 * next(looks)  # type: ignore[assignment]
            one.work(there)

        outcome = watch(work, folder)
        row.count(operation.name, outcome.status, outcome.words)
        if operation.look(folder) != "new":
            row.faults.append(f"{operation.name}: it is not done")
    if row.refused:
        row.faults.append(f"{row.refused} were refused, which no clock is a reason for")
    return row


def copied_while_it_runs(base: Path, operations: Sequence[Operation], *, short: bool) -> Row:
    """A run's folder copied while it trains: half of the files at one call, the rest later.

    The copy is gone on with. It ends with the same model, or is refused in a sentence.
    """
    row = Row("a run copied while it trains")
    for operation in (one for one in operations if one in runs.OPERATIONS):
        pristine = Path(tempfile.mkdtemp(dir=base))
        operation.begin(pristine)
        folder, copy = (pristine.with_name(f"{pristine.name} {name}") for name in ("now", "copy"))
        shutil.copytree(pristine, folder)
        count = len(watch(lambda there=folder, one=operation: one.work(there), folder).calls)
        draw = random.Random(1)
        for place in sorted(draw.sample(range(1, count), min(count - 1, 2 if short else 24))):
            for path in (folder, copy):
                shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(pristine, folder)
            shares = draw.random()

            def half(there: Path = folder, to: Path = copy, share: float = shares) -> None:
                _copy_some(there, to, random.Random(2), share)

            first = watch(
                lambda there=folder, one=operation: one.work(there),
                folder,
                Fault(place, between=half),
            )
            assert first.status == 0, first.words
            _copy_some(folder, copy, random.Random(2), 1.0)
            case = f"{operation.name}, {shares:.0%} copied at call {place}"
            outcome = watch(lambda there=copy, one=operation: one.work(there), copy)
            row.count(case, outcome.status, outcome.words)
            if not outcome.status:
                row.faults += [f"{case}: {words}" for words in _unlike(copy / "run")]
    return row


def _unlike(run: Path) -> list[str]:
    """Say what is wrong with a finished run that is a copy of two moments of another.

    Its model is that of a run without a fault. Lines of its log may be missing, and its best model
    may be an earlier one, or be refused.
    """
    from clearhead.errors import ClearheadError
    from clearhead.translation.checkpoint import read_checkpoint

    words = []
    if (run / "model" / "model.safetensors").read_bytes() != shared("weights"):
        words.append("the weights are others")
    for name in ("model", "best"):
        try:
            read_checkpoint(run / name)
        except ClearheadError as error:
            if name == "model":
                words.append(str(error))
    return words


def _copy_some(folder: Path, to: Path, draw: random.Random, share: float) -> None:
    """Copy a share of the files that are not copied yet."""
    for path in sorted(folder.rglob("*")):
        copy = to / path.relative_to(folder)
        if path.is_file() and not copy.exists() and draw.random() < share:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
