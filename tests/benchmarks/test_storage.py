"""The storage benchmark: what it compares, by hand, and that it runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import storage
from clearhead.translation.checkpoint import read_checkpoint
from tests.translation.conftest import write_checkpoint

PAIRS = [("Where is the station?", "Où est la gare ?"), ("The old man", "Le vieil homme")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("storage") / "model")


def test_it_runs_and_keeps_no_sentence(folder, tmp_path, capsys):
    lines = "".join(f"{source}\t{target}\n" for source, target in PAIRS)
    (tmp_path / "pairs.tsv").write_text(lines, encoding="utf-8")
    arguments = ["--quick", "--json", "--pairs", str(tmp_path / "pairs.tsv")]
    storage.main([*arguments, "--model", str(folder), "--other", str(folder)])
    output = capsys.readouterr().out
    result = json.loads(output)
    assert list(result["rows"]) == [
        "as stored", "float16", "int8", storage.PLAIN, str(folder)
    ]  # fmt: skip
    same = result["rows"][str(folder)]
    assert (same["largest"], same["error"], same["same_text"]) == (0, 0, 1)
    errors = {name: row["error"] for name, row in result["rows"].items()}
    assert 0 == errors["as stored"] < errors["float16"] < errors["int8"] < errors[storage.PLAIN]
    sizes = result["bytes"]
    assert sizes["int8"] < 0.7 * sizes["float16"] < 0.4 * sizes["float32"]
    assert "station" not in output


def test_the_difference_of_logits_is_that_of_all_positions(folder):
    first = read_checkpoint(folder)
    other = storage.replace(first, weights=storage.plain_rows(first.weights))
    difference = storage.compare_logits(first, other, PAIRS)
    logits = [
        [
            checkpoint.engine().model.forward(
                np.array([[*first.tokenizer.encode(source), 2]]),
                np.array([[1, *first.tokenizer.encode(target)]]),
            )[0]
            for source, target in PAIRS
        ]
        for checkpoint in (first, other)
    ]
    ours, theirs = (np.concatenate(rows) for rows in logits)
    assert difference.positions == len(ours)
    assert difference.largest == pytest.approx(np.abs(ours - theirs).max())
    assert difference.mean == pytest.approx(np.abs(ours - theirs).mean(), rel=1e-4)
    same = (ours.argmax(1) == theirs.argmax(1)).mean()
    assert difference.same_token == pytest.approx(same)


def test_pairs_that_the_model_cannot_hold_are_counted(folder):
    first = read_checkpoint(folder)
    difference = storage.compare_logits(first, first, [*PAIRS, ("a " * 70, "b")])
    assert difference.too_long == 1
    assert difference.largest == 0


def test_the_error_is_a_part_of_the_weights():
    exact = {"a": np.array([3.0, 0.0], np.float32), "b": np.array([[4.0]], np.float32)}
    weights = {"a": np.array([3.0, 0.3], np.float32), "b": np.array([[4.4]], np.float32)}
    assert storage.relative_error(weights, exact) == pytest.approx(0.1)


def test_plain_rows_are_whole_numbers_times_max_127():
    matrix = np.array([[1.27, 0.013], [0, 0]], np.float32)
    rows = storage.plain_rows({"matrix": matrix, "vector": np.array([0.123], np.float32)})
    np.testing.assert_allclose(rows["matrix"], [[1.27, 0.01], [0, 0]], rtol=1e-6)
    assert rows["vector"][0] == np.float32(0.123)
