"""What docs/surveys.md shows is what its code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("matplotlib")

from clearhead.cli.main import cli
from clearhead.surveys.scales import SCALES
from clearhead.translation.checkpoint import bundled_models

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "surveys.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
def test_the_blocks_run_in_order():
    assert len(BLOCKS) == PAGE.count("```python") >= 3
    assert sum(program.count("assert ") for program in BLOCKS) >= 10
    names: dict[str, object] = {}
    for program in BLOCKS:
        exec(compile(program, "surveys.md", "exec"), names)


def test_the_table_of_files_and_measures_is_whole(folder, tmp_path):
    (tmp_path / "corpus.txt").write_bytes(b"The cat sleeps.\nnot UTF-8: \xff\n")
    result = CliRunner().invoke(
        cli,
        ["inspect", folder("gpt2"), "--input", str(tmp_path / "corpus.txt"), "--table", "csv",
         "--output", str(tmp_path / "heads")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    files = {path.name for path in (tmp_path / "heads").iterdir() if path.name[0] != "."}
    rows = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    table = {name for row in rows for name in re.findall(r"`([\w.-]+)`", row)}
    assert files - {"heads.csv"} == table - {"heads.parquet"}
    for measure in SCALES:
        assert re.search(rf"^\|.*\b{measure}\b.*\| (nats|share|tokens) \|", PAGE, re.MULTILINE)
    assert (ROOT / "docs" / "images" / "survey.png").exists()
