"""``clearhead classify``: arguments, lines, and what is no classifier."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import clearhead as ch
from clearhead.cli.classify.command import command
from clearhead.errors import CheckpointError
from tests.translation.conftest import write_checkpoint, write_classifier

TEXTS = ["The old man.", "Where is the station?"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(write_classifier(tmp_path_factory.mktemp("models") / "classifier"))


def output_of(*arguments, lines=None):
    result = CliRunner().invoke(command, arguments, input=lines, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_line_for_each_text(folder, tmp_path):
    labels = [result.labels for result in ch.load(folder).classify(TEXTS)]
    expected = "".join(f"{one[0].name}\t{one[0].probability:.4f}\n" for one in labels)
    assert output_of(folder, *TEXTS) == expected
    assert output_of(folder, lines="\n".join(TEXTS)) == expected
    path = tmp_path / "texts"
    path.write_text("\n".join(TEXTS) + "\n")
    assert output_of(folder, "--input", str(path)) == expected
    both = output_of(folder, TEXTS[0], "--top", "2").rstrip().split("\t")
    assert both == [part for one in labels[0][:2] for part in (one.name, f"{one.probability:.4f}")]


def test_json(folder):
    rows = [json.loads(line) for line in output_of(folder, *TEXTS, "--json").splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    assert rows[0]["labels"][0]["label"] == ch.load(folder).classify(TEXTS[0]).name


def test_what_is_refused(folder, tmp_path):
    result = CliRunner().invoke(command, [folder, "a text", "--input", "file"])
    assert result.exit_code == 2
    assert "Give texts as arguments, or --input, not both." in result.stderr
    other = str(write_checkpoint(tmp_path / "model"))
    with pytest.raises(CheckpointError, match="does not classify texts"):
        output_of(other, "a text")
