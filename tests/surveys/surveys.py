"""Jobs whose texts show what their letters say, without a model: for kills, which are many."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from clearhead.batch.job.folder import Job, survey_inputs
from clearhead.batch.job.plan import Plan
from clearhead.errors import TextError
from clearhead.surveys.line_survey import LineSurvey
from clearhead.surveys.reading import TextReading
from tests.surveys.readings import text_readings

LINES = [b"the old house", b"", b"la maison by the river\r", b"bad \xff line", b"12:30", b"a house",
         b"old house by the house", b"la maison", b"one\ttwo", b"the end"]  # fmt: skip


@dataclass
class Reader:
    """Reads a text as random numbers that its letters are the seed of."""

    digest: str = "ab" * 32
    layers: tuple[str, ...] = ()
    device: str = "cpu"
    dtype: str = "auto"

    def read(self, text: str, target: str | None = None) -> TextReading:
        """Return what the text shows."""
        if not text:
            raise TextError("it is empty")
        return text_readings(zlib.crc32(f"{text} {target}".encode()), 1)[0]


def survey_job(place: Path, count: int = 1, **more: object) -> Job:
    """Return a job of a few lines, in a folder that is made where there is none."""
    place.mkdir(exist_ok=True, parents=True)
    source = place / "in.txt"
    if not source.exists():
        source.write_bytes(b"\n".join(LINES))
    options = {"table": "csv", "picture": "none", **more}
    survey = LineSurvey(Reader(), **options)  # type: ignore[arg-type]
    plan = Plan.of_shards(survey_inputs([source]), survey.settings, count, survey.grain)
    return Job(place / "out", plan, survey)
