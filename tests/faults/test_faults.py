"""The short form of the fault suite: a few places of each fault. `make faults` takes all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults import tables
from tests.faults.__main__ import environment
from tests.faults.kills import is_sentence, unsynced
from tests.faults.system_calls import Call
from tests.faults.tracer import why_not

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The rows of a short run, in a process that nothing else has used: it is forked from."""
    if reason := why_not():
        pytest.skip(reason)
    pytest.importorskip("torch")
    answer = tmp_path_factory.mktemp("faults") / "rows.json"
    process = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--short", "--processes", "1", "--json", answer],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.exists(), process.stderr
    return json.loads(answer.read_text())


def faults(rows: dict[str, Any]) -> list[str]:
    return [f"{name}: {fault}" for name, row in rows.items() for fault in row["faults"]]


def test_killed_or_refused_at_any_call_the_earlier_file_is_whole_or_the_new_one(rows) -> None:
    kills = rows["kills"]
    assert not faults(kills)
    for row in kills.values():
        assert row["kills"] == row["earlier"] + row["new"] > 0
        assert row["refusals"] > 0
        assert row["unread"] > 0
        assert row["unsynced"] == []
        assert row["litter"] == 0


def test_damaged_files_are_refused_or_read_the_same(rows) -> None:
    assert not faults(rows["damage"])
    for row in rows["damage"].values():
        assert row["refused"] + row["same"] + row["other"] == sum(
            row[name] for name in ("cut", "flipped", "swapped")
        )


def test_troubles_around_a_piece_of_work(rows) -> None:
    assert not faults(rows["troubles"])
    for row in rows["troubles"].values():
        if row["skipped"]:
            assert "may be" in row["skipped"]
        else:
            assert row["cases"] == row["refused"] + row["done"] > 0


def test_a_file_that_has_its_name_too_early_is_told() -> None:
    write, sync = Call("write", ("x.part",)), Call("fsync", ("x.part",))
    rename = Call("rename", ("x.part", "x"))
    assert unsynced([write, rename]) == ["x"]
    assert unsynced([write, sync, rename]) == []
    assert unsynced([write, sync, write, rename]) == ["x"]
    assert unsynced([Call("write", ("d.part/y",)), Call("rename", ("d.part", "d"))]) == ["d/y"]
    assert unsynced([Call("write", ("plain",))]) == ["plain"]


def test_what_is_a_sentence() -> None:
    assert is_sentence("clearhead: The disk is full. Make room.\n")
    assert not is_sentence("Traceback (most recent call last):\n  x\nOSError: full")
    assert not is_sentence("")


def test_the_page_has_the_tables_of_a_whole_run_without_a_fault() -> None:
    page = tables.PAGE.read_text("utf-8")
    written = page[page.index(tables.BEGIN) : page.index(tables.END)]
    assert "; 0 of them faults." in written
    from tests.faults.operations.catalogue import chosen

    for operation in chosen(short=False):
        assert f"| {operation.name} |" in written
