"""A piece of work that writes files, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import samples
from tests.faults.samples import command
from tests.faults.tracer import watch


@dataclass(frozen=True)
class Operation:
    """A piece of work that writes files.

    `look` reads the folder with what reads such files in use, and says whether the earlier file is
    there whole ("earlier") or the new one ("new"); for anything else it raises an error.

    Attributes:
        name: in the table.
        begin: makes the folder as it is before the work.
        work: done in a process of its own, in that folder.
        look: says "earlier" or "new" of what is there.
        repeats: whether the same work is done again where it was finished, or refused.
        short_calls: at how many of its calls it is tried in the short form; 0 for none.
        slices: into how many pieces its trials are divided, so that two cores share them.
    """

    name: str
    begin: Callable[[Path], None]
    work: Callable[[Path], None]
    look: Callable[[Path], str]
    repeats: bool = True
    short_calls: int = 3
    slices: int = 1


def which(there: object, earlier: object, new: object) -> str:
    """Say which of two contents is there."""
    if there == earlier:
        return "earlier"
    assert there == new, f"neither the earlier content nor the new one: {str(there)[:200]!r}"
    return "new"


def do(work: Callable[[], None], folder: Path) -> None:
    """Do a piece of work to its end in a process of its own."""
    outcome = watch(work, folder)
    assert outcome.status == 0, outcome.words


def run(*arguments: str | Path) -> None:
    """Run a command of clearhead; a refusal ends the process with its status."""
    try:
        command(*arguments)()
    except SystemExit as end:
        if end.code:
            raise


# -- what is made before any process is forked --

_shared: dict[str, Any] = {}


def shared(name: str) -> Any:
    """Something that `share` or an operation's file has made."""
    return _shared[name]


def keep(name: str, value: Any) -> None:
    """Make something known to all processes that are forked from now on."""
    _shared[name] = value


def model() -> Path:
    """The model that every operation translates with."""
    path: Path = _shared["model"]
    return path


def folder() -> Path:
    """The folder of what all share."""
    path: Path = _shared["folder"]
    return path


def share_models(there: Path) -> None:
    """Make the models, texts and recordings that operations read."""
    keep("folder", there)
    keep("model", samples.write_model(there / "model"))
    keep("other", samples.write_model(there / "other", seed=4))
    (there / "lines.txt").write_text(samples.LINES)
    samples.recording()
    samples.recording(4)
