"""docs/other-models.md: its programs and commands print what is shown, on models made here.

Words are compared exactly. Numbers may differ a little: the models are trained on the spot, and
training in floating point differs from one machine to the next.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import clearhead as ch
from clearhead.pretrained.families import families

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.docs.taught_models import save_all

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "other-models.md").read_text("utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
CONSOLE = "".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
SHOWN = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", CONSOLE, re.MULTILINE)
# A page that is served waits for its reader; the others are run, in their order.
COMMANDS = [(command, output) for command, output in SHOWN if " explore " not in command]
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?$")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of the page, and the command ``clearhead``."""
    root = tmp_path_factory.mktemp("models")
    save_all(root)
    shim = root / "bin" / "clearhead"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m clearhead "$@"\n')
    shim.chmod(0o755)
    return root


def same_word(printed: str, shown: str) -> bool:
    if NUMBER.match(printed) and NUMBER.match(shown):
        return math.isclose(float(printed), float(shown), rel_tol=0.3, abs_tol=0.1)
    return printed == shown or {*printed, *shown} == {"█"}


def same_line(printed: str, shown: str) -> bool:
    """Whether two lines have the same words, and numbers that are not far from each other."""
    words, shown_words = printed.split(), shown.split()
    return len(words) == len(shown_words) and all(map(same_word, words, shown_words))


def agrees(printed: str, shown: str) -> bool:
    """Whether lines were printed as they are shown; ``...`` stands for any number of lines."""
    lines = printed.splitlines()
    place, anywhere = 0, False
    for line in shown.splitlines():
        if line == "...":
            anywhere = True
            continue
        while anywhere and place < len(lines) and not same_line(lines[place], line):
            place += 1
        if place == len(lines) or not same_line(lines[place], line):
            return False
        place, anywhere = place + 1, False
    return anywhere or place == len(lines)


def test_what_differs_is_noticed():
    assert agrees("a 1.00\nb ███\nc\n", "a 1.05\nb █\nc\n")
    assert agrees("a\nb\nc\n", "...\nb\n...\n")
    for shown in ("a 2.00\nb\n", "a 1.00\n", "a 1.00\nc\n", "...\nc\n", "a 1.00\nb\nc\n"):
        assert not agrees("a 1.00\nb\n", shown), shown


def test_the_page_shows_programs_and_commands():
    assert len(PROGRAMS) == PAGE.count("```python") >= 5
    assert len(COMMANDS) >= 8
    assert all(output.strip() for _, output in COMMANDS)


def test_the_programs_print_what_is_shown(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for program, shown in PROGRAMS:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(program, "other-models.md", "exec"), names)
        assert agrees(printed.getvalue(), shown), printed.getvalue()


@pytest.mark.slow
def test_the_commands_print_what_is_shown(folder):
    """In the order of the page, because one reads what another wrote."""
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONUTF8": "1",
    }
    for command, shown in COMMANDS:
        run = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True,
            text=True, encoding="utf-8",
        )  # fmt: skip
        assert run.returncode == 0, f"{command}\n{run.stderr}"
        assert agrees(run.stdout, shown), f"{command}\n{run.stdout}"


def test_the_table_of_families_has_those_that_are_read():
    table = PAGE[PAGE.index("## Which families") : PAGE.index("Refused, each")]
    named = set(re.findall(r"`([\w-]+)`", table)) - {"model_type"}
    read = {name for family in families() for name in family.model_types}
    assert named == read - {"gemma3"}  # with its images; refused with the way to its text model


@pytest.mark.parametrize("model_type", ["umt5", "mixtral", "mamba"])
def test_what_the_page_calls_refused_is_refused(model_type, tmp_path):
    (tmp_path / "config.json").write_text(f'{{"model_type": "{model_type}"}}')
    with pytest.raises(ch.CheckpointError, match=r"not read"):
        ch.load(tmp_path)
