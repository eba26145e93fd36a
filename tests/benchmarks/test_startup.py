"""The start-up benchmark runs, and says what it could not measure."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import startup
from benchmarks.report import markdown_table, text_table


def test_it_runs_and_says_what_it_could_not_measure(capsys, tmp_path):
    startup.main(["--quick", "--json", "--model", str(tmp_path / "nowhere")])
    result = json.loads(capsys.readouterr().out)
    assert set(result["seconds"]) == {startup.PYTHON, startup.IMPORT}
    assert "clearhead translate was left out" in result["verdicts"][-1]
    assert "nowhere" in result["verdicts"][-1]


def test_a_process_that_fails_is_no_measurement():
    with pytest.raises(RuntimeError, match="what went wrong"):
        startup.seconds_of([sys.executable, "-c", "raise SystemExit('what went wrong')"])


def test_limits_are_judged_beyond_pythons_own_start():
    facts = {"processor": "p", "cores": 2, "system": "s", "libraries": {}, "quiet": True}
    seconds = {startup.PYTHON: 0.1, startup.IMPORT: 0.2, startup.TRANSLATE: 0.7}
    verdicts = startup.result_of(seconds, [], facts)["verdicts"]
    assert verdicts[0].startswith("import clearhead: 0.100 s beyond Python's own start")
    assert verdicts[0].endswith("kept)")
    assert verdicts[1].startswith("clearhead translate: 0.700 s in all")
    assert verdicts[1].endswith("MISSED)")


def test_tables():
    header, rows = ["a", "bb"], [["long name", "1"], ["x", "1,000"]]
    assert text_table(header, rows).splitlines() == [
        "a             bb",
        "---------  -----",
        "long name      1",
        "x          1,000",
    ]
    assert markdown_table(header, rows).splitlines() == [
        "| a | bb |",
        "| --- | ---: |",
        "| long name | 1 |",
        "| x | 1,000 |",
    ]
