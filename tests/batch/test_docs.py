"""What docs/scale.md shows is what its code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from clearhead.cli.main import cli
from clearhead.translation.checkpoint import bundled_models

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^\$ clearhead (.*)$", PAGE, re.MULTILINE)

pytestmark = pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")


def test_the_blocks_run_in_order():
    assert len(BLOCKS) == PAGE.count("```python") >= 5
    assert sum(program.count("assert ") for program in BLOCKS) >= 15
    names: dict[str, object] = {}
    for program in BLOCKS:
        exec(compile(program, "scale.md", "exec"), names)


def test_the_commands_write_the_files_of_the_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_bytes(b"The cat sleeps.\nnot UTF-8: \xff\nGood morning.\n")
    assert len(COMMANDS) == 2
    for command in COMMANDS:
        result = CliRunner().invoke(cli, shlex.split(command))
        assert result.exit_code == 0, result.output
    table = set(re.findall(r"^\| `([\w.-]+)` \|", PAGE, re.MULTILINE))
    files = {path.name for path in Path("french").iterdir() if not path.name.startswith(".")}
    # Of the parts the table shows the first; here the bad line is in the second.
    assert {name.replace("part-00002", "part-00001") for name in files} == table
