"""Each operation, ended or refused at each of its calls, and what is there afterwards."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.operations.catalogue import chosen
from tests.faults.operations.operation import Operation
from tests.faults.system_calls import NEED_ROOM, WRITES, Call, Fault, Outcome
from tests.faults.tracer import watch

RESUMED = re.compile(r"scores\.txt\.part|\.part-\d+-of-\d+(\.txt\.draft|\.journal)")
"""Drafts that stay on purpose, because the next call goes on with them."""
PLACES = int(os.environ.get("FAULT_PLACES", "0"))
"""At how many calls of each operation at most; 0 for all. For a machine that has other work."""
_DRAFTS = (".part", ".draft", ".old", ".tmp", ".journal")


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
        unread: how often a read failed, of what the operation is made from too.
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
    unread: int = 0
    litter: int = 0
    unsynced: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Trial:
    """One operation, tried in folders that are made alike.

    Args:
        operation: what is done.
        base: a folder for its folders, in which also lies what the operation reads.
        most: of how many calls at most, spread evenly; None for all.
        part: which slice of the trials, and how many there are.
    """

    def __init__(
        self,
        operation: Operation,
        base: Path,
        most: int | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        self._operation, self._most, self._part = operation, most, part
        self._all = base
        self._base = Path(tempfile.mkdtemp(dir=base))
        self._folder = self._base / "there"
        self._pristine = self._base / "pristine"
        self._pristine.mkdir()
        operation.begin(self._pristine)
        self.row = Row(operation.name)

    def run(self) -> Row:
        """Do all of it."""
        first, step = self._part
        for trial in self._trials()[first::step]:
            trial()
        shutil.rmtree(self._base)
        return self.row

    def _trials(self) -> list[Callable[[], None]]:
        """Return what is tried: kills, half writes, a full disk, and one that fails."""
        calls = self._undisturbed()
        every = range(1, len(calls) + 1)

        def named(*names: str) -> list[int]:
            return self._some([n for n in every if calls[n - 1].name in names])

        kills = [Fault(n) for n in self._some(list(every))]
        kills += [Fault(n, is_half=True) for n in named("write")]
        refusals = [Fault(n, errno.ENOSPC) for n in named(*NEED_ROOM)]
        if self._most is None:
            refusals += [Fault(n, errno.EIO) for n in every]
        trials = [partial(self._kill, fault, calls[fault.at - 1]) for fault in kills]
        trials += [partial(self._refuse, fault, calls[fault.at - 1]) for fault in refusals]
        reads = self._reads()
        trials += [
            partial(self._refuse, Fault(n, errno.EIO), reads[n - 1], reads=True)
            for n in self._some(list(range(1, len(reads) + 1)))
        ]
        return trials

    def _some(self, places: list[int]) -> list[int]:
        if self._most is None or len(places) <= self._most:
            return places
        if self._most == 1:
            return places[:1]
        return [places[i * (len(places) - 1) // (self._most - 1)] for i in range(self._most)]

    def _anew(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._pristine, self._folder)
        return self._folder

    def _do(self, fault: Fault | None = None, *, reads: bool = False) -> Outcome:
        folder = self._folder
        watched = self._all if reads else folder
        return watch(lambda: self._operation.work(folder), watched, fault, reads=reads)

    def _undisturbed(self) -> tuple[Call, ...]:
        self._anew()
        outcome = self._do()
        assert outcome.status == 0, outcome.words
        assert self._operation.look(self._folder) == "new"
        assert not litter(self._folder), litter(self._folder)
        self.row.calls = len(outcome.calls)
        self.row.unsynced = sorted(set(unsynced(outcome.calls)))
        return outcome.calls

    def _reads(self) -> tuple[Call, ...]:
        """Return the calls that read, in the operation's folder and of what all share."""
        self._anew()
        return self._do(reads=True).calls

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

    def _refuse(self, fault: Fault, call: Call, *, reads: bool = False) -> None:
        assert fault.error is not None
        if reads:
            self.row.unread += 1
        elif fault.error == errno.ENOSPC:
            self.row.refusals += 1
        else:
            self.row.failures += 1
        self._anew()
        outcome = self._do(fault, reads=reads)
        when = f"{errno.errorcode[fault.error]} at {'read' if reads else 'call'} {fault.at}, {call}"
        if outcome.status and not is_sentence(outcome.words):
            self.row.faults.append(f"{when}: not one sentence: {outcome.words[-300:]}")
        there = self._look(when)
        if there == "earlier" and not outcome.status:
            self.row.faults.append(f"{when}: nothing was written, and nothing was said")
        # What cannot be removed stays: that is so where the call is the one that removes.
        if fault.error == errno.ENOSPC and (rest := litter(self._folder, without_resumed=True)):
            self.row.faults.append(f"{when}: left {', '.join(rest)}")


def is_sentence(words: str) -> bool:
    """Whether a refusal's last words are a line for people, and no traceback."""
    lines = words.strip().splitlines()
    return bool(lines) and "Traceback" not in words and len(lines[-1]) > 10


def litter(folder: Path, *, without_resumed: bool = False) -> list[str]:
    """The drafts that are left in a folder; with those that the next call goes on with, or not."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if (path.name.endswith(_DRAFTS) or path.name.startswith(".tmp"))
        and not (without_resumed and RESUMED.fullmatch(path.name))
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

    def work(operation: Operation, part: tuple[int, int]) -> Callable[[], Any]:
        most = PLACES or (operation.short_calls if short else None)
        return lambda: Trial(operation, base, most, part).run().to_dict()

    works = []
    for one in reversed(chosen(short=short)):
        slices = 1 if short else one.slices
        works += [(one.name, work(one, (part, slices))) for part in range(slices)]
    return works
