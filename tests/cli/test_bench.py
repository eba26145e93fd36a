"""`clearhead bench` finds the repository's benchmarks and hands options on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from clearhead.cli import bench
from clearhead.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent


def test_the_repository_is_found():
    assert bench.benchmarks_root() == ROOT


def test_a_wheel_has_no_benchmarks_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "__file__", str(tmp_path / "site" / "clearhead" / "cli" / "b.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"not in the installed package.*Clone the repository"):
        bench.benchmarks_root()


@pytest.fixture
def calls(monkeypatch):
    """What would have been started; each ends with status 3."""
    commands: list[list[str]] = []

    def run(command, **_):
        commands.append(command[1:])
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(bench.subprocess, "run", run)
    return commands


def test_without_a_name_all_are_run_and_a_failure_is_kept(calls):
    outcome = CliRunner().invoke(bench.command, ["--json", "--quick"])
    assert calls == [["-m", f"benchmarks.{name}", "--json", "--quick"] for name in bench.NAMES]
    assert outcome.exit_code == 3


def test_options_go_to_the_named_benchmark(calls, tmp_path):
    arguments = ["training", "--heads", "8", "--output", str(tmp_path)]
    CliRunner().invoke(bench.command, arguments)
    expected = ["-m", "benchmarks.training", "--output", str(tmp_path), "--heads", "8"]
    assert calls == [expected]


def test_an_unknown_benchmark_is_refused_with_the_known_ones():
    outcome = CliRunner().invoke(bench.command, ["speed"])
    assert outcome.exit_code == 2
    assert "startup" in outcome.output
    assert "speed" in outcome.output


def test_standard_output_holds_the_json_alone():
    outcome = subprocess.run(
        [sys.executable, "-m", "clearhead", "bench", "startup", "--quick", "--json"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout)["name"] == "startup"
