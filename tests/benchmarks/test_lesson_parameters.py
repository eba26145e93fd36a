"""The benchmark of lesson 4's parameters: one change at a time, of the lesson's own run."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from benchmarks import lesson_parameters
from benchmarks.lesson_parameters import CHANGES, LESSON_VALUES, Change
from benchmarks.paths import ROOT


@pytest.fixture(scope="module")
def start():
    return lesson_parameters.lesson_start()


def flat(options):
    return {(part, key): value for part, fields in options.items() for key, value in fields.items()}


def test_the_values_that_stand_here_are_the_lessons(start):
    values = {key: value for (_, key), value in flat(start["options"]).items()}
    assert {name: values[name] for name in LESSON_VALUES} == LESSON_VALUES


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_one_thing_is_changed(start, change):
    before = flat(start["options"])
    after = flat(lesson_parameters.changed_options(start, change, quick=False))
    differences = {key for _, key in {k for k in before | after if before.get(k) != after.get(k)}}
    expected = {"log_every"} | ({change.table} if change.name != "lesson" else set())
    if change.table == "vocab_size":
        expected |= {"max_tokens", "max_length"}  # long sentences are read, too
    if change.few:  # a tokenizer of all pairs, so that the pieces stay as they are
        expected = (expected | {"corpus", "path", "vocab_size"}) - {
            name for name in ("dropout",) if change.value == LESSON_VALUES[name]
        }
    assert differences == expected


def test_it_runs_and_does_not_train_a_row_again(start, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lesson_parameters, "lesson_start", lambda: start)
    arguments = ["--quick", "--json", "--work", str(tmp_path)]
    lesson_parameters.main(arguments)
    first = json.loads(capsys.readouterr().out)
    (row,) = first["rows"]
    assert (row["table"], row["value"], row["few"]) == ("dropout", 0.0, True)
    assert len(row["development"]) == lesson_parameters.QUICK_STEPS
    assert 3 < row["development"][0] < 9
    assert row["seconds"] > 0
    (table,) = first["tables"]
    assert table["title"] == "dropout, 400 training pairs"
    assert table["rows"][0][:2] == ["0.0", f"{row['weights']:,}"]
    monkeypatch.setattr(lesson_parameters, "Trainer", None)
    lesson_parameters.main(arguments)
    assert json.loads(capsys.readouterr().out)["rows"] == first["rows"]


def test_the_lessons_own_run_stands_in_every_table(tmp_path):
    row = {"weights": 1, "pieces": 2.0, "development": [1.0], "training": [1.0], "right": 0.5}
    own = [Change("num_heads", 4), Change("d_model", 96)]
    (tmp_path / "lesson.json").write_text(json.dumps({**row, "seconds": 3.0}), "utf-8")
    rows = lesson_parameters.measure(own, tmp_path, quick=False)
    titles = {table["title"]: table["rows"][0] for table in lesson_parameters.tables(rows)}
    assert titles["num_heads"][0] == "4"
    assert titles["d_model"][0] == "96"
    assert "96, fewest with 96" in lesson_parameters.verdicts(rows, quick=False)[1]


def test_a_lesson_without_options_is_refused(tmp_path):
    (tmp_path / "lesson.md").write_text("```{code-cell}\nx = 1\n```\n", "utf-8")
    with pytest.raises(ValueError, match="no cell that makes a variable named options"):
        lesson_parameters.lesson_start(tmp_path / "lesson.md")


def test_the_page_on_benchmarks_has_the_rows_that_were_measured():
    results = json.loads((ROOT / "benchmarks/results/lesson_parameters.json").read_text("utf-8"))
    page = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    measured = results["rows"]
    assert {(row["table"], row["value"]) for row in measured} == {
        (c.table, c.value) for c in CHANGES
    }
    for row in measured:
        pairs = ", 400 pairs" if row["few"] else ""
        assert (
            f"| `{row['table']}` | {row['value']}{pairs} | {row['weights']:,} "
            f"| {row['development'][-1]:.3f} | {row['right']:.1%} | {row['seconds']:.1f} |\n"
        ) in page
