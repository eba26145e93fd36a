"""What goes wrong around a piece of work: disks, clocks, other processes, memory; and NaN."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clearhead.errors import ClearheadError
from tests.faults import operations, samples
from tests.faults.kills import PLACES, is_sentence, litter
from tests.faults.operations import Operation, chosen
from tests.faults.system_calls import Fault, watch

SOURCE = Path(__file__).parents[2] / "src"


@dataclass
class Row:
    """What became of one kind of trouble.

    Attributes:
        trouble: what it is.
        cases: how often it was made.
        refused: answered with one sentence.
        done: the work was done all the same, rightly.
        skipped: why it could not be made here.
        faults: in sentences; none is the aim.
    """

    trouble: str
    cases: int = 0
    refused: int = 0
    done: int = 0
    skipped: str | None = None
    faults: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def count(self, case: str, status: int, words: str) -> None:
        """Count a case by its end; a refusal that is not one sentence is a fault."""
        self.cases += 1
        if not status:
            self.done += 1
        elif is_sentence(words):
            self.refused += 1
        else:
            self.faults.append(f"{case}: status {status}: {words[-400:]}")


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system at a folder, for as long as the block runs; OSError where none is allowed."""
    begin = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
    if begin.returncode:
        raise OSError(errno.EPERM, begin.stderr.decode(errors="replace").strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def small_disk(base: Path, *, short: bool) -> Row:
    """A tmpfs that holds what was there and a part of what is written."""
    row = Row("disk full (a small tmpfs)")
    for operation in chosen(short=short):
        place = Path(tempfile.mkdtemp(dir=base))
        operation.begin(place)
        before = _size(place)
        done = place.with_name(place.name + " done")
        shutil.copytree(place, done)
        operations.do(lambda there=done, one=operation: one.work(there), done)
        room = max(_size(done), 4096)
        for share in (0.0, 0.5) if short else (0.0, 0.2, 0.4, 0.6, 0.8):
            size = -(-int(before + share * room) // 4096) * 4096 + 4096 * 4
            folder = Path(tempfile.mkdtemp(dir=base))
            try:
                with mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "none"):
                    shutil.copytree(place, folder, dirs_exist_ok=True)
                    _refused_or_done(row, operation, folder, f"{size} bytes")
            except PermissionError as error:
                row.skipped = f"no file system may be mounted here: {error}"
                return row
    return row


def _size(folder: Path) -> int:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(-(-size // 4096) * 4096 for size in sizes)


def _refused_or_done(row: Row, operation: Operation, folder: Path, how: str) -> None:
    outcome = watch(lambda: operation.work(folder), folder)
    case = f"{operation.name}, {how}"
    row.count(case, outcome.status, outcome.words)
    try:
        there = operation.look(folder)
    except Exception as error:
        row.faults.append(f"{case}: {type(error).__name__}: {error}"[:300])
        return
    if not outcome.status and there != "new":
        row.faults.append(f"{case}: nothing was written, and nothing was said")
    if rest := litter(folder):
        row.faults.append(f"{case}: left {', '.join(rest)}")


def read_only(base: Path, *, short: bool) -> Row:
    """A folder bound a second time, to be read alone: that holds for root, too."""
    row = Row("read-only folder")
    for operation in chosen(short=short):
        folder = Path(tempfile.mkdtemp(dir=base))
        operation.begin(folder)
        try:
            with mounted(folder, "--bind", str(folder)):
                subprocess.run(
                    ["mount", "-o", "remount,ro,bind", str(folder)], check=True, capture_output=True
                )
                _refused_or_done(row, operation, folder, "read-only")
        except (PermissionError, subprocess.CalledProcessError) as error:
            row.skipped = f"no folder may be bound here: {error}"
            return row
    if row.done:
        row.faults.append("something was written to a read-only folder")
    return row


def two_processes(base: Path, *, short: bool) -> Row:
    """While one waits before a call, another does the same work in the same folder, to its end."""
    row = Row("two processes in one folder")
    for operation in chosen(short=short):
        pristine = Path(tempfile.mkdtemp(dir=base))
        operation.begin(pristine)
        folder = pristine.with_name(pristine.name + " now")
        shutil.copytree(pristine, folder)
        count = len(watch(lambda there=folder, one=operation: one.work(there), folder).calls)
        most = operation.short_calls if short else 12 if operation.short_calls else 5
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


def clock_set_back(base: Path, *, short: bool) -> Row:
    """Files of tomorrow in the folder, and a clock that goes back by a day at every look."""
    now = time.time()
    row = Row("clock set back")
    for operation in chosen(short=short):
        folder = Path(tempfile.mkdtemp(dir=base))
        operation.begin(folder)
        tomorrow = now + 86400
        for path in folder.rglob("*"):
            os.utime(path, (tomorrow, tomorrow))

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


_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("translate", "-m", "MODEL", "--max-length", "6", "the old house"),
    ("trace", "-m", "MODEL", "the old house"),
    ("score", "MODEL", "CORPUS", "--output", "SCORES"),
    ("train", "TABLE", "--run", "RUN"),
)


def memory_limits(base: Path, *, short: bool) -> Row:
    """Commands under ``ulimit -v``: from nearly what they take, down to where they hardly begin."""
    row = Row("memory limit (ulimit -v)")
    folder = Path(tempfile.mkdtemp(dir=base))
    samples.write_recipe(folder)
    names = {
        "MODEL": operations.model(), "CORPUS": folder / "a.tsv", "TABLE": _settings(folder),
        "RUN": folder / "run", "SCORES": folder / "scores",
    }  # fmt: skip
    for command in _COMMANDS[: 1 if short else None]:
        arguments = [str(names.get(word, word)) for word in command]
        peak = _peak(arguments, folder)
        for share in (0.9, 0.6) if short else (0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4):
            status, words = _limited(arguments, int(peak * share), folder)
            row.count(f"{command[0]} in {share:.0%} of {peak >> 20} MiB", status, words)
    return row


def _settings(folder: Path) -> Path:
    table = samples.run_table(operations.shared("folder") / "corpora")
    path = folder / "run.toml"
    path.write_text("".join(_toml(name, section) for name, section in table.items()))
    return path


def _toml(name: str, section: dict[str, Any]) -> str:
    lines = [f"[{name}]"]
    for key, value in section.items():
        if key == "corpus":
            value = "[" + ", ".join(f"{{path = {json.dumps(x['path'])}}}" for x in value) + "]"
        else:
            value = json.dumps(value)
        lines.append(f"{key} = {value}")
    return "\n".join(lines) + "\n"


def _environment() -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip


def _peak(arguments: list[str], folder: Path) -> int:
    """The most address space that a command takes, in bytes."""
    program = (
        "import sys\nfrom clearhead.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nfinally:\n    status = open('/proc/self/status').read()\n"
        "    print('VmPeak', status.split('VmPeak:')[1].split()[0], file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=_environment(), cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in ("run", "scores"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).unlink(missing_ok=True) if not (folder / name).is_dir() else None
    return int(process.stderr.rsplit("VmPeak", 1)[1]) << 10


def _limited(arguments: list[str], limit: int, folder: Path) -> tuple[int, str]:
    process = subprocess.run(
        [sys.executable, "-m", "clearhead", *arguments],
        env=_environment(), cwd=folder, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        timeout=300,
    )  # fmt: skip
    shutil.rmtree(folder / "run", ignore_errors=True)
    (folder / "scores").unlink(missing_ok=True)
    return process.returncode, process.stdout[-200:] * (not process.returncode) + process.stderr


def not_a_number(base: Path, *, short: bool) -> Row:
    """A NaN or an infinity in each weight of a model of ours, in turn."""
    from safetensors.numpy import load_file, save_file

    from clearhead.translation.checkpoint import read_checkpoint

    row = Row("NaN in weights")
    folder = Path(tempfile.mkdtemp(dir=base)) / "model"
    shutil.copytree(operations.model(), folder)
    whole = load_file(folder / "model.safetensors")
    for value in (np.nan, np.inf):
        for name, weight in whole.items():
            spoilt = weight.copy()
            spoilt.reshape(-1)[-1] = value
            save_file(whole | {name: spoilt}, folder / "model.safetensors")
            try:
                read_checkpoint(folder)
                row.faults.append(f"{name} with {value} was read")
            except ClearheadError as error:
                row.count(name, 2, str(error))
                if name not in str(error):
                    row.faults.append(f"{name} with {value}: the message does not name it: {error}")
    return row


TROUBLES: tuple[Callable[..., Row], ...] = (
    two_processes,
    small_disk,
    read_only,
    clock_set_back,
    memory_limits,
    not_a_number,
)


def trouble_works(base: Path, *, short: bool) -> list[tuple[str, Callable[[], Any]]]:
    """The trials of every kind of trouble."""

    def work(trouble: Callable[..., Row]) -> Callable[[], Any]:
        return lambda: trouble(base, short=short).to_dict()

    return [(trouble.__name__, work(trouble)) for trouble in TROUBLES]
