"""Commands on models and files of strangers: one line, no traceback, no escape on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clearhead.cli.main import main
from clearhead.visible import visible
from tests.cli.test_translate import environment
from tests.strangers import DEEP, SPOILT, pipe, spoilt

ESCAPE = "\x1b]0;owned\x07\x9b31m"
# What the commands themselves write to a terminal.
OUR_OWN = re.compile("\x1b\\[[0-9;]*[mK]|\r\n|\n|\r")


@pytest.fixture(scope="module")
def hostile(model, tmp_path_factory):
    """The random model, whose every learnt piece holds codes that a terminal obeys."""
    folder = tmp_path_factory.mktemp("hostile") / "model"
    shutil.copytree(model, folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    content["model"]["vocab"] = {
        piece if number < 259 else f"{ESCAPE}{number}": number
        for piece, number in vocabulary.items()
    }
    content["model"]["merges"] = []
    path.write_text(json.dumps(content))
    return str(folder)


@pytest.fixture
def run(capsysbinary, monkeypatch):
    """Runs a command here, as its own process would: status, output, errors."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")

    def run(*arguments):
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        outcome = capsysbinary.readouterr()
        return int(end.value.code or 0), outcome.out.decode(), outcome.err.decode()

    return run


@pytest.fixture
def refusal_message(run):
    """The message of a command that must fail: one line without escapes, status 2."""

    def refusal_message(*arguments):
        status, _, message = run(*arguments)
        assert status == 2, message
        assert message.startswith("clearhead: ")
        assert message.count("\n") == 1
        assert message.strip().isprintable()
        return message

    return refusal_message


def on_a_terminal(*arguments):
    """What a terminal is told on standard output."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "clearhead", *arguments],
        env=environment() | {"TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(follower)
        parts = []
        while True:
            try:
                part = os.read(leader, 1 << 16)
            except OSError:  # the last process has closed it
                break
            if not part:
                break
            parts.append(part)
        assert process.wait() == 0, process.stderr.read()
    os.close(leader)
    return b"".join(parts).decode()


TRANSLATE = ("translate", "--max-length", "8", "--model")


def test_translations_are_shown_on_a_terminal_and_written_as_they_are_elsewhere(
    run, model, tmp_path
):
    text = "the \x1b[31mriver\x9b2J\tby\nthe\x07 house"
    status, stdout, _ = run(*TRANSLATE, model, text)
    assert status == 0
    assert "\x1b" in stdout
    output = on_a_terminal(*TRANSLATE, model, text).replace("\r\n", "\n")
    assert output == visible(stdout, keep="\n\t")
    run(*TRANSLATE, model, text, "-o", str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == stdout


def test_json_holds_no_control_character(run, model):
    _, stdout, _ = run(*TRANSLATE, model, "--json", "the \x9b2J river")
    assert OUR_OWN.sub("", stdout).isprintable()
    assert json.loads(stdout)["source"] == "the \x9b2J river"


@pytest.mark.parametrize("more", [(), ("--path", "*.weights"), ("--part", "encoder"), ("--json",)])
def test_a_trace_shows_pieces_and_never_obeys_them(run, hostile, more):
    status, stdout, _ = run("trace", "--model", hostile, "the river", *more)
    assert status == 0
    assert OUR_OWN.sub("", stdout).isprintable()
    assert "\x1b" not in stdout
    if "--path" not in more:
        assert r"\u001b]0;owned" in stdout if more == ("--json",) else r"\x1b]0;" in stdout


def test_a_trace_in_colour_has_no_codes_but_its_own(hostile):
    output = on_a_terminal("trace", "--model", hostile, "the river")
    assert "\x1b[1m" in output
    assert OUR_OWN.sub("", output).isprintable()


def test_the_picture_of_a_head_can_be_drawn(run, hostile, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "x.svg"
    status, _, message = run("trace", "--model", hostile, "the river", "--plot", str(picture))
    assert status == 0, message
    assert b"\x1b" not in picture.read_bytes()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("how", ["deep", "pipe"])
def test_a_spoilt_model_is_refused_in_one_line(refusal_message, model, tmp_path, name, how):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    with spoilt(folder / name, how):
        assert name in refusal_message("translate", "--model", str(folder), "x y")


def test_names_of_a_stranger_are_shown_in_errors(refusal_message, model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    content = json.loads((folder / "config.json").read_text())
    content["model"]["\x1b[2J"] = 1
    (folder / "config.json").write_text(json.dumps(content))
    assert r"Unknown model setting '\x1b[2J'" in refusal_message(
        "translate", "--model", str(folder), "x"
    )


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_recording_is_refused_in_one_line(refusal_message, tmp_path, how):
    path = tmp_path / "recording.safetensors"
    path.write_bytes(b"x" * 99)
    with spoilt(path, how):
        message = refusal_message("explore", "--no-browser", "--recording", str(path))
    assert f"Cannot read the recording {path}: " in message


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_spoilt_settings_are_refused_in_one_line(refusal_message, tmp_path, how):
    path = tmp_path / "run.toml"
    path.write_text("[data]\ncorpus = 3 ")
    with spoilt(path, how):
        refusal_message("train", str(path), "--run", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_deep_setting_of_the_command_line_is_a_text(refusal_message, tmp_path):
    (tmp_path / "run.toml").write_text("")
    words = refusal_message(
        "train", str(tmp_path / "run.toml"), "--set", f"training.seed={DEEP[:9999]}"
    )
    assert "training.seed must be a whole number" in words


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_model_of_hugging_face_is_refused_in_one_line(refusal_message, tmp_path, how):
    pytest.importorskip("transformers")
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "bert"} ')
    with spoilt(path, how):
        message = refusal_message("inspect", str(tmp_path), "--text", "x")
    assert str(tmp_path) in message


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "pytorch_model.bin"])
def test_a_pipe_among_the_files_of_hugging_face(refusal_message, tmp_path, name):
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pipe(tmp_path / name) as path:
        assert f"{str(path)!r} is no regular file" in refusal_message(
            "inspect", str(tmp_path), "--text", "x"
        )


def test_a_damaged_weights_file_of_hugging_face(refusal_message, tmp_path):
    pytest.importorskip("transformers")
    from tests.cli.inspect.hugging_face import write

    folder = Path(write(tmp_path / "model", "bert"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    message = refusal_message("inspect", str(folder), "--text", "the street")
    assert "cannot be loaded" in message
