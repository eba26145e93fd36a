"""The labels of a classifier: where they come from, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clearhead.errors import CheckpointError, CorpusError
from clearhead.text.kinds import LabelledTexts
from clearhead.text.token_store import Preparation
from clearhead.training.tasks.labels import check_initial_labels, read_labels, run_labels

PLAIN = Preparation(max_tokens=50, kind=LabelledTexts())


def corpus(folder: Path, labels: list[str]) -> str:
    path = folder / "some.tsv"
    path.write_text("".join(f"text {i}\t{label}\n" for i, label in enumerate(labels)))
    return str(path)


def test_they_are_in_the_order_of_the_alphabet_and_stay(tmp_path: Path) -> None:
    path = corpus(tmp_path, ["good", "bad ", "good", "  fair"])
    assert run_labels(tmp_path, [path, path], PLAIN, 300) == ("bad", "fair", "good")
    assert run_labels(tmp_path, ["nothing"], PLAIN, 300) == ("bad", "fair", "good")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["same"] * 4, "needs two labels or more, and the corpora have 1 'same'. A line is"),
        ([], "the corpora have 0. A line is a text, a tab and its label."),
        ([f"la phrase {i}" for i in range(1001)], "more than 1,000 labels, such as 'la phrase "),
    ],
)
def test_too_few_and_too_many(labels: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        run_labels(tmp_path, [corpus(tmp_path, labels)], PLAIN, 3000)
    assert message in str(error.value)
    assert not (tmp_path / "labels.json").exists()


@pytest.mark.parametrize("content", ["", "{}", '["one"]', '["a", "a"]', "[1, 2]"])
def test_a_damaged_file_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"Cannot read .*labels\.json: .*put it back"):
        read_labels(tmp_path / "labels.json")


def test_a_classifier_goes_on_with_its_own_labels(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"labels": ["a", "b"]}))
    check_initial_labels(tmp_path, ("a", "b"))
    with pytest.raises(CheckpointError, match=r"has the labels \['a', 'b'\] and the corpora"):
        check_initial_labels(tmp_path, ("a", "c"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"Cannot read the labels in .*lacks 'labels'"):
        check_initial_labels(tmp_path, ("a", "b"))
