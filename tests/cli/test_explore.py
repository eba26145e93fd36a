"""`clearhead explore` hands its options on and names a missing extra; `make explore` sets it up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from clearhead.cli.explore import command
from clearhead.explorer.server import serve

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


@pytest.fixture
def calls(monkeypatch):
    """What the command asks of the server."""
    requests = []
    monkeypatch.setattr(
        serve,
        "serve",
        lambda load, name, **options: requests.append((name, options, load)),
    )
    return requests


def options_of(calls, *arguments):
    outcome = CliRunner().invoke(command, arguments)
    assert outcome.exit_code == 0, outcome.output
    ((model, options, _),) = calls
    options.pop("say")
    return model, options


def test_without_arguments_the_bundled_model_is_opened(calls):
    assert options_of(calls) == (
        "en-fr",
        {"text": None, "port": None, "open_page": True, "token": None},
    )


def test_options_reach_the_server(calls):
    arguments = [
        "--model",
        "folder",
        "--port",
        "0",
        "--no-browser",
        "--token",
        "",
        "--",
        "-I love tea.",
    ]
    expected = {"text": "-I love tea.", "port": 0, "open_page": False, "token": ""}
    assert options_of(calls, *arguments) == ("folder", expected)


def test_a_training_run_is_opened_instead_of_a_text(calls, tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    model, options = options_of(calls, str(tmp_path))
    assert (model, options["text"]) == (str(tmp_path), None)


def test_a_recording_is_opened_instead(calls, tmp_path):
    torch = pytest.importorskip("torch")
    import clearhead as ch

    layer = torch.nn.TransformerEncoderLayer(8, 2, 8, batch_first=True).eval()
    with torch.no_grad(), ch.record(layer) as recording:
        layer(torch.randn(1, 5, 8))
    file = str(recording.save(tmp_path / "seen.safetensors"))
    assert options_of(calls, "--recording", file)[0] == file
    load = calls[0][2]
    assert load().answer("model", {}).json["kind"] == "recording"


def test_a_recording_takes_no_text(calls):
    outcome = CliRunner().invoke(command, ["--recording", "file", "I love tea."])
    assert "A recording has its own text; leave TEXT out, or --recording." in str(outcome.exception)
    assert calls == []


def test_no_port_beyond_the_last(calls):
    outcome = CliRunner().invoke(command, ["--port", "65536"])
    assert outcome.exit_code == 2
    assert "0<=x<=65535" in outcome.output
    assert calls == []


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_extra_is_named_with_its_install_line(missing):
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        "from clearhead.cli.main import main\n"
        "main(['explore', '--no-browser', '--port', '0'])"
    )
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        f"clearhead: The explorer's page needs the package {missing!r}, which is not installed. "
        'Install it with: pip install "clearhead[explore]"\n'
    )


def test_what_make_installs_is_the_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extra = {re.split("[>=]", each)[0] for each in project["optional-dependencies"]["explore"]}
    text = (ROOT / "requirements" / "explore.txt").read_text("utf-8")
    assert extra <= set(re.findall(r"^([\w-]+)==", text, re.M))
    assert "-r requirements/explore.txt" in MAKEFILE


@pytest.fixture
def checkout(tmp_path):
    """Our Makefile, and a stand-in python that prints its arguments, one a line."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / "light.stamp").touch()
    return tmp_path


def make_explore(folder, **environment):
    clean = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    clean.pop("MFLAGS", None)
    return subprocess.run(
        ["make", "explore"],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )


def test_make_explore_sets_up_the_server_once_and_no_torch(checkout):
    first = make_explore(checkout)
    assert first.stdout == "-m\nclearhead\nexplore\n--\n"
    assert {"--require-hashes", "requirements/explore.txt"} <= set(first.stderr.split())
    assert "torch" not in first.stderr
    second = make_explore(checkout)
    assert (second.stdout, second.stderr) == (first.stdout, "")


@pytest.mark.parametrize("text", ["I love tea.", 'It\'s "$5", $(id) & `id`; # !', "-n"])
def test_make_hands_the_text_over_untouched(checkout, text):
    (checkout / ".venv" / "explore.stamp").touch()
    outcome = make_explore(checkout, TEXT=text)
    assert (outcome.stdout, outcome.stderr) == (f"-m\nclearhead\nexplore\n--\n{text}\n", "")
