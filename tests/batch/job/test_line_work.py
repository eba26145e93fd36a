"""The other kind of work: parts that are made of their windows when these are whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from clearhead.batch.job import part as part_module
from clearhead.batch.job.folder import Job, survey_inputs
from clearhead.batch.job.line_work import LineWork
from clearhead.batch.job.plan import Plan
from clearhead.errors import ConfigError, TextError
from tests.batch.job.jobs import LINES, contents
from tests.batch.job.test_part import work, work_until_killed


@dataclass
class Lengths(LineWork):
    """Sums up the lengths of lines; those with an x are rejected."""

    task: ClassVar[str] = "measuring"
    participle: ClassVar[str] = "measured"
    suffix: ClassVar[str] = ".sums"
    is_sealed: ClassVar[bool] = True
    settings: ClassVar[dict] = {"of": "lengths"}
    grain: ClassVar[int] = 1
    products: ClassVar[str] = "none"

    def window(self, lines):
        errors = {
            place: TextError("it has an x")
            for place, (_, line) in enumerate(lines)
            if b"x" in line.content
        }
        total = sum(line.length for place, (_, line) in enumerate(lines) if place not in errors)
        return b"%d\n" % total, errors

    def sealed(self, draft):
        return b"%d" % sum(map(int, draft.read_bytes().split()))

    def results(self, outputs, rejects):
        return {"total.txt": b"%d" % sum(int(path.read_bytes()) for path in outputs)}


def lengths_job(place, count=2):
    place.mkdir(exist_ok=True)
    source = place / "in.txt"
    source.write_bytes(b"\n".join([*LINES, b"an x"]))
    plan = Plan.of_shards(survey_inputs([source]), Lengths().settings, count)
    return Job(place / "out", plan, Lengths())


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(part_module, "WINDOW", 3)


def test_parts_are_sealed_and_give_a_result_together(tmp_path):
    job = lengths_job(tmp_path)
    manifest = work(job)
    assert (job.folder / "total.txt").read_bytes() == b"%d" % sum(map(len, LINES))
    assert manifest["rejects"] == 1
    assert [one["name"] for one in manifest["results"]] == ["total.txt"]
    assert manifest["parts"][0]["output"]["name"] == "part-00001-of-00002.sums"
    assert not list(job.folder.glob(".part-*"))


def test_killed_before_every_call_a_sealed_part_has_the_same_bytes(tmp_path):
    whole = lengths_job(tmp_path / "whole")
    work(whole)
    expected = contents(whole.folder)
    job = lengths_job(tmp_path / "killed")
    job.folder.mkdir()
    kills = 0
    while not work_until_killed(job, kills + 1):
        kills += 1
        work(job)
        assert contents(job.folder) == expected, f"killed before call {kills}"
        for path in job.folder.iterdir():
            path.unlink()
    assert kills > 30


def test_an_empty_part_may_be_killed_too(tmp_path):
    job = lengths_job(tmp_path / "empty", count=12)
    job.folder.mkdir()
    kills = 0
    while not work_until_killed(job, kills + 1):
        kills += 7
        assert work(job)["rejects"] == 1
        for path in job.folder.iterdir():
            path.unlink()


def test_a_sealed_part_of_somebody_else_is_refused(tmp_path):
    job = lengths_job(tmp_path, count=1)
    job.open()
    job.files(1).output.write_bytes(b"7")
    with pytest.raises(ConfigError, match="was not written by this job"):
        job.write_part(1)


def test_windows_that_were_damaged_are_measured_again(tmp_path):
    job = lengths_job(tmp_path / "damaged", count=1)
    job.folder.mkdir()
    windows = job.files(1).windows
    for number in range(1, 40):
        assert not work_until_killed(job, number)
        if windows.exists() and windows.read_bytes().count(b"\n") > 1:
            break
    windows.write_bytes(b"9" + windows.read_bytes()[1:])
    work(job)
    assert (job.folder / "total.txt").read_bytes() == b"%d" % sum(map(len, LINES))
