from __future__ import annotations

import json

from click.testing import CliRunner

from clearhead.cli.score import command


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
