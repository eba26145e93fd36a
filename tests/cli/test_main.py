from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import clearhead
from clearhead.cli import main as main_module
from clearhead.cli.main import COMMANDS, cli, main
from clearhead.errors import ClearheadError

SOURCE = Path(clearhead.__file__).parent.parent


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_explains_itself(name):
    module = importlib.import_module(f"clearhead.cli.{name}")
    assert isinstance(module.command, click.Command)
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: cli {name} ")
    assert len(module.command.get_short_help_str(200)) > 20


def test_help_lists_every_command_and_imports_none():
    code = (
        "import sys; from clearhead.cli.main import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "print(sorted(name for name in sys.modules if name.startswith('clearhead.')))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    for name, line in COMMANDS.items():
        assert f"  {name} " in outcome.stdout
        assert line in outcome.stdout
    loaded = outcome.stdout.strip().split("\n")[-1]
    own = ["_version", "cli", "cli.main", "cli.resources", "cli.resources.memory", "errors"]
    assert loaded == str([f"clearhead.{name}" for name in own])


def test_the_version():
    result = CliRunner().invoke(cli, ["--version"])
    assert result.output == f"cli, version {clearhead.__version__}\n".replace("cli", "clearhead")


def test_an_unknown_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["transalte"])
    assert exit_info.value.code == 2
    assert "No such command 'transalte'" in capsys.readouterr().err


class Broken(click.Command):
    def __init__(self, error: Exception) -> None:
        super().__init__("broken")
        self.error = error

    def invoke(self, context: click.Context) -> None:
        raise self.error


def test_our_errors_are_messages_and_others_keep_their_traceback(monkeypatch, capsys):
    def run(error: Exception) -> None:
        monkeypatch.setattr(main_module, "cli", Broken(error))
        main([])

    with pytest.raises(SystemExit) as exit_info:
        run(ClearheadError("There is no tea. Make some."))
    assert exit_info.value.code == 2
    assert capsys.readouterr() == ("", "clearhead: There is no tea. Make some.\n")
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError())


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"
        ),
        ImportError("x.so: failed to map segment from shared object"),
    ],
)
def test_a_lack_of_memory_is_one_message(monkeypatch, capsys, error):
    monkeypatch.setattr(main_module, "cli", Broken(error))
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("clearhead: The memory is used up. Give it more")
    assert message.count("\n") == 1


@pytest.mark.parametrize("error", [RuntimeError("a fault"), ImportError("no module of this name")])
def test_other_errors_of_libraries_keep_their_traceback(monkeypatch, error):
    monkeypatch.setattr(main_module, "cli", Broken(error))
    with pytest.raises(type(error)):
        main([])


def test_python_dash_m_is_the_command():
    for module in ("clearhead", "clearhead.cli"):
        outcome = subprocess.run(
            [sys.executable, "-m", module, "--version"],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert outcome.stdout == f"clearhead, version {clearhead.__version__}\n"
