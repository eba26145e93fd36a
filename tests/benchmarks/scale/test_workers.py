"""The measured runs: that they run, count and compare."""

from __future__ import annotations

import json

import pytest

from benchmarks.scale.__main__ import arithmetic, main
from tests.translation.small_folder import write_model


@pytest.mark.slow
def test_it_runs_and_its_tables_are_whole(tmp_path, capsys):
    folder = write_model(tmp_path / "model")
    main(["--quick", "--json", "--model", str(folder), "--translate=--max-length 6"])
    result = json.loads(capsys.readouterr().out)
    assert result["measured"]["same_bytes"]
    assert [run["lines"] for run in result["measured"]["runs"]] == [20, 40]
    assert all(run["target_tokens"] > 0 for run in result["measured"]["runs"])
    assert all(
        len(row) == len(table["header"]) for table in result["tables"] for row in table["rows"]
    )
    races = [(race["workers"], race["slow"]) for race in result["measured"]["races"]]
    assert races == [(1, 0), (2, 0), (2, 1)]
    assert result["measured"]["survey_bytes_per_second"].keys() == {"plain", ".gz"}


def test_the_arithmetic_by_hand():
    run = {"workers": 2, "seconds": 10.0, "lines": 100, "source_tokens": 2000, "bytes": 8000}
    terms = arithmetic({"runs": [{}, run]}, price=0.5)
    assert terms["tokens_per_second_and_core"] == 100.0
    assert terms["core_hours"] == pytest.approx(1e7 / 3600)
    assert terms["price"] == pytest.approx(1e7 / 7200)
    assert terms["minutes_on_all"] == pytest.approx(1e7 / 60 / 16_000)
    assert terms["disk_bytes_per_second"] == pytest.approx(16_000 * 100 * 8)
    assert terms["window_seconds"] == pytest.approx(512 * 20 / 100)
    assert terms["syncs_per_second"] == pytest.approx(16_000 * 100 / 20 / 512 * 2)
