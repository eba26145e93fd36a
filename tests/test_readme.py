"""What the README shows is what its commands and its code print."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CONSOLE = "".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL))
COMMANDS = [
    (command, output)
    for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", CONSOLE, re.MULTILINE)
    if output.strip()
]
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


def test_there_is_something_to_test():
    assert len(COMMANDS) >= 3
    assert len(PROGRAMS) == README.count("```python") >= 3


@pytest.mark.parametrize(("command", "output"), COMMANDS, ids=[c for c, _ in COMMANDS])
def test_commands_print_what_is_shown(command, output):
    words = shlex.split(command)
    if words[:2] == ["make", "translate"]:  # tests/test_packaging.py runs make itself
        words = ["clearhead", "translate", words[2].removeprefix("TEXT=")]
    assert words[0] == "clearhead"
    run = [sys.executable, "-m", *words]
    run_result = subprocess.run(run, capture_output=True, text=True, encoding="utf-8", check=True)
    assert run_result.stdout == output


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with a small model under the name of one on the hub, which no test reaches."""
    pytest.importorskip("transformers")
    from tests.docs.taught_models import T5, save_t5

    root = tmp_path_factory.mktemp("models")
    save_t5(root / T5)
    return root


@pytest.mark.parametrize(("program", "output"), PROGRAMS)
def test_programs_print_what_is_shown(program, output, request, monkeypatch):
    if "google-t5" in program:
        monkeypatch.chdir(request.getfixturevalue("models"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "README.md", "exec"), {})
    assert printed.getvalue() == output
