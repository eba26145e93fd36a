from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from clearhead.cli.score.command import command


def test_each_pair_gets_a_line(model, tmp_path):
    (tmp_path / "a.tsv").write_text("the old house\tla maison\nriver\t\n")
    output = tmp_path / "scores"
    arguments = [model, str(tmp_path / "a.tsv"), "--output", str(output)]
    result = CliRunner().invoke(command, [*arguments, "--reverse"], catch_exceptions=False)
    assert result.stdout == f"{output}\n"
    header, first, second = output.read_text().splitlines()
    assert json.loads(header)["direction"] == "fr-en"
    assert float(first) < 0
    assert second == "-"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_pytorch_scores_alike(model, tmp_path, precision):
    pytest.importorskip("torch")
    (tmp_path / "a.tsv").write_text("the old house\tla maison\n")
    scores = {}
    for name, options in {
        "numpy": [],
        "torch": ["--engine", "torch", "--precision", precision],
    }.items():
        arguments = [model, str(tmp_path / "a.tsv"), "--output", str(tmp_path / name), *options]
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        header, score = (tmp_path / name).read_text().splitlines()
        scores[name] = float(score)
    assert json.loads(header)["precision"] == precision
    tolerance = 2e-4 if precision == "float32" else 0.5
    assert scores["torch"] == pytest.approx(scores["numpy"], abs=tolerance)


def test_numpy_has_no_bfloat16(model, tmp_path):
    arguments = [model, "a.tsv", "--output", str(tmp_path / "s"), "--precision", "bfloat16"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "give --engine torch" in result.stderr
