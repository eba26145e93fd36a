"""Each operation, ended or refused at each of its calls, and what is there afterwards."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.operations import Operation, chosen
from tests.faults.system_calls import NEED_ROOM, WRITES, Call, Fault, Outcome, watch

RESUMED = ("scores.txt.part",)
"""Drafts that stay on purpose, because the next call goes on with them."""
PLACES = int(os.environ.get("FAULT_PLACES", "0"))
"""At how many calls of each operation at most; 0 for all. For a machine that has other work."""
_DRAFTS = (".part", ".draft", ".old", ".tmp")


@dataclass
class Row:
    """What became of one operation.

    Attributes:
        operation: its name.
        calls: that it changes files with.
        kills: how often it was killed: at each call, and in the middle of each write.
        earlier, new: after how many kills the earlier or the new file was there, whole.
        refusals: how often the disk was full, at each call that needs room.
        failures: how often the disk failed, at each call.
        litter: most files that were left after a kill and were still there after the next run.
        unsynced: files that had their names before their bytes were on the disk.
        faults: what went wrong, in sentences; none is the aim.
    """

    operation: str
    calls: int = 0
    kills: int = 0
    earlier: int = 0
    new: int = 0
    refusals: int = 0
    failures: int = 0
    litter: int = 0
    unsynced: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Trial:
    """One operation, tried in folders that are made alike.

    Args:
        operation: what is done.
        base: a folder for its folders.
        most: of how many calls at most, spread evenly; None for all.
    """

    def __init__(self, operation: Operation, base: Path, most: int | None = None) -> None:
        self._operation, self._most = operation, most
        self._base = Path(tempfile.mkdtemp(dir=base))
        self._folder = self._base / "there"
        self._pristine = self._base / "pristine"
        self._pristine.mkdir()
        operation.begin(self._pristine)
        self.row = Row(operation.name)

    def run(self) -> Row:
        """Do all of it."""
        calls = self._undisturbed()
        places = list(range(1, len(calls) + 1))
        for place in self._some(places):
            self._kill(Fault(place), calls[place - 1])
        for place in self._some([n for n in places if calls[n - 1].name == "write"]):
            self._kill(Fault(place, is_half=True), calls[place - 1])
        for place in self._some([n for n in places if calls[n - 1].name in NEED_ROOM]):
            self.row.refusals += 1
            self._refuse(Fault(place, errno.ENOSPC), calls[place - 1])
        if self._most is None:
            for place in places:
                self.row.failures += 1
                self._refuse(Fault(place, errno.EIO), calls[place - 1])
        shutil.rmtree(self._base)
        return self.row

    def _some(self, places: list[int]) -> list[int]:
        if self._most is None or len(places) <= self._most:
            return places
        return [places[i * (len(places) - 1) // (self._most - 1)] for i in range(self._most)]

    def _anew(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._pristine, self._folder)
        return self._folder

    def _do(self, fault: Fault | None = None) -> Outcome:
        folder = self._folder
        return watch(lambda: self._operation.work(folder), folder, fault)

    def _undisturbed(self) -> tuple[Call, ...]:
        self._anew()
        outcome = self._do()
        assert outcome.status == 0, outcome.words
        assert self._operation.look(self._folder) == "new"
        assert not litter(self._folder), litter(self._folder)
        self.row.calls = len(outcome.calls)
        self.row.unsynced = sorted(set(unsynced(outcome.calls)))
        return outcome.calls

    def _look(self, when: str) -> str | None:
        """Say what is there; half a file is a fault of the row."""
        try:
            return self._operation.look(self._folder)
        except Exception as error:
            self.row.faults.append(f"{when}: {type(error).__name__}: {error}"[:300])
            return None

    def _kill(self, fault: Fault, call: Call) -> None:
        self._anew()
        outcome = self._do(fault)
        when = f"killed {'within' if fault.is_half else 'before'} call {fault.at}, {call}"
        if outcome.status != -9:
            self.row.faults.append(
                f"{when}: it ended with {outcome.status}: {outcome.words[-200:]}"
            )
            return
        self.row.kills += 1
        there = self._look(when)
        if there is None:
            return
        if there == "earlier":
            self.row.earlier += 1
        else:
            self.row.new += 1
        if there == "earlier" or self._operation.repeats:
            again = self._do()
            if again.status or self._look(f"{when}, and done again") != "new":
                self.row.faults.append(f"{when}, and done again: {again.words[-200:]}")
        self.row.litter = max(self.row.litter, len(litter(self._folder)))

    def _refuse(self, fault: Fault, call: Call) -> None:
        self._anew()
        outcome = self._do(fault)
        assert fault.error is not None
        when = f"{errno.errorcode[fault.error]} at call {fault.at}, {call}"
        if outcome.status and not is_sentence(outcome.words):
            self.row.faults.append(f"{when}: not one sentence: {outcome.words[-300:]}")
        there = self._look(when)
        if there == "earlier" and not outcome.status:
            self.row.faults.append(f"{when}: nothing was written, and nothing was said")
        # What cannot be removed stays: that is so where the call is the one that removes.
        if fault.error == errno.ENOSPC and (rest := litter(self._folder)):
            self.row.faults.append(f"{when}: left {', '.join(rest)}")


def is_sentence(words: str) -> bool:
    """Whether a refusal's last words are a line for people, and no traceback."""
    lines = words.strip().splitlines()
    return bool(lines) and "Traceback" not in words and len(lines[-1]) > 10


def litter(folder: Path) -> list[str]:
    """The drafts that are left in a folder."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if (path.name.endswith(_DRAFTS) or path.name.startswith(".tmp"))
        and path.name not in RESUMED
    )


def unsynced(calls: Iterable[Call]) -> list[str]:
    """Return the final names that were given to files whose bytes were not yet on the disk.

    A power cut could leave such a file empty under its name. A name is a draft's where any part of
    its path looks like one.
    """
    dirty: Counter[str] = Counter()
    names: list[str] = []
    for call in calls:
        if call.name in WRITES or call.name == "ftruncate":
            dirty[call.paths[0]] += 1
            if not is_draft(call.paths[0]) and call.name in WRITES:
                names.append(call.paths[0])
        elif call.name in ("fsync", "fdatasync"):
            dirty.pop(call.paths[0], None)
            names = [name for name in names if name != call.paths[0]]
        elif call.name.startswith("rename") and len(call.paths) == 2:
            old, new = call.paths
            for path in [path for path in dirty if path == old or path.startswith(old + "/")]:
                renamed = new + path[len(old) :]
                dirty[renamed] = dirty.pop(path)
                if not is_draft(renamed):
                    names.append(renamed)
    return names


def is_draft(path: str) -> bool:
    """Whether a path is that of a draft, or of something in one."""
    return any(part.endswith(_DRAFTS) or part.startswith(".tmp") for part in Path(path).parts)


def kill_works(base: Path, *, short: bool) -> list[tuple[str, Callable[[], Any]]]:
    """The trials of every operation; in the short form of the quick ones, at a few calls each."""

    def work(operation: Operation) -> Callable[[], Any]:
        most = PLACES or (operation.short_calls if short else operation.most_calls)
        return lambda: Trial(operation, base, most).run().to_dict()

    return [(one.name, work(one)) for one in reversed(chosen(short=short))]
