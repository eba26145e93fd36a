"""What became of one kind of trouble, and whether a piece of work bore it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.kills import is_sentence, litter
from tests.faults.operations.operation import Operation
from tests.faults.tracer import watch


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


def refused_or_done(row: Row, operation: Operation, folder: Path, how: str) -> None:
    """Do the work where something is in its way: it is done, or refused in one sentence."""
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
    if rest := litter(folder, without_resumed=True):
        row.faults.append(f"{case}: left {', '.join(rest)}")
