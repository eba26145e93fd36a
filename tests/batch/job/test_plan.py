"""Plans: every line in one part, whatever the parts; and what tells two jobs apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.batch.job.lines import Survey
from clearhead.batch.job.plan import Plan
from clearhead.errors import ConfigError


def surveys(*counts, folder="/"):
    return [
        Survey(Path(f"{folder}{number}.txt"), lines, f"{number:064}", (0,), (lines, 0))
        for number, lines in enumerate(counts)
    ]


@given(
    counts=st.lists(st.integers(0, 40), max_size=4),
    count=st.integers(1, 12),
    grain=st.sampled_from([1, 5]),
    by_lines=st.booleans(),
)
def test_every_line_is_in_one_part(counts, count, grain, by_lines):
    make = Plan.of_lines if by_lines else Plan.of_shards
    plan = make(surveys(*counts), {}, count, grain)
    parts = [plan.part(number) for number in range(1, plan.count + 1)]
    places = [
        (stretch.name, stretch.first + line)
        for part in parts
        for stretch in part.stretches
        for line in range(stretch.count)
    ]
    assert places == [(f"{file}.txt", line) for file, n in enumerate(counts) for line in range(n)]
    before = 0
    for part in parts:
        assert before % grain == 0 or before == plan.lines
        before += part.lines
    if not by_lines and grain == 1:
        sizes = [part.lines for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_parts_have_names_that_sort():
    plan = Plan.of_shards(surveys(9), {}, 3)
    assert [plan.part(n).stem for n in (1, 3)] == ["part-00001-of-00003", "part-00003-of-00003"]
    assert Plan.of_shards(surveys(9), {}, 1_000_000).part(7).stem == "part-0000007-of-1000000"


def test_files_of_one_name_have_their_folders():
    plan = Plan.of_shards([*surveys(1, folder="/a/"), *surveys(1, folder="/b/")], {}, 1)
    assert plan.names == ["/a/0.txt", "/b/0.txt"]


def test_another_job_is_told_by_what_it_has_otherwise(tmp_path):
    plan = Plan.of_shards(surveys(4, 5), {"beam_size": 4, "model": {"sha256": "ab"}}, 3)
    path = tmp_path / "plan.json"
    path.write_bytes(plan.to_bytes())
    plan.check(path)
    changed_file = dataclasses.replace(plan.surveys[1], digest="f" * 64)
    for other, words in [
        ({"count": 4}, "parts.count was 3 and is 4"),
        ({"settings": {**plan.settings, "beam_size": 1}}, "settings.beam_size was 4 and is 1"),
        ({"settings": {"beam_size": 4, "model": {"sha256": "cd"}}}, r'sha256 was "ab" and is "cd"'),
        ({"surveys": (plan.surveys[0], changed_file)}, r"inputs\[1.txt\].sha256 was "),
        ({"surveys": plan.surveys[:1]}, "inputs were 2 and are 1"),
    ]:
        with pytest.raises(ConfigError, match=words):
            dataclasses.replace(plan, **other).check(path)
    path.write_text("no plan")
    with pytest.raises(ConfigError, match="cannot be read as the plan of a job"):
        plan.check(path)
