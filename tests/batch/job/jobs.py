"""Small jobs for the tests of this room."""

from __future__ import annotations

from pathlib import Path

from clearhead.batch.job.folder import Job, survey_inputs
from clearhead.batch.job.line_translator import LineTranslator
from clearhead.batch.job.plan import Plan
from clearhead.translation.translator import Translator

LINES = [
    b"the old house", b"", b"la maison by the river\r", b"bad \xff line", b"12:30",
    b"the river", b"old house by the house", b"la maison",
]  # fmt: skip
REJECT = {"file": "in.txt", "line": 4, "reason": "it is not valid UTF-8: byte 5 is 0xff"}


def small_job(model: Path, place: Path, *, count: int = 1, **call: object) -> Job:
    """Return a job of a few lines, with its input in a folder that is made where there is none."""
    place.mkdir(exist_ok=True)
    source = place / "in.txt"
    if not source.exists():
        source.write_bytes(b"\n".join(LINES))
    translator = LineTranslator(Translator.load(model), {"max_length": 6, "beam_size": 1, **call})
    plan = Plan.of_shards(survey_inputs([source]), translator.settings, count, translator.grain)
    return Job(place / "out", plan, translator)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def output(folder: Path) -> bytes:
    """Return the parts of a job, one after the other."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("part-*.txt")))
