"""Full disks, closed and shared streams, damaged input: one line, a status, and no file harmed."""

from __future__ import annotations

import gzip
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_translate import environment

CLEARHEAD = f"{shlex.quote(sys.executable)} -m clearhead"


@pytest.fixture
def shell(model, tmp_path):
    """Runs a line of shell in an empty folder; T and R stand for two commands and the model."""

    def run(line, status):
        line = line.replace("T ", f"{CLEARHEAD} translate --model {model} --max-length 6 ")
        line = line.replace("R ", f"{CLEARHEAD} trace --model {model} ")
        result = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in result.stderr
        assert "Exception ignored" not in result.stderr
        assert result.returncode == status, result.stderr
        return result

    run.folder = tmp_path
    return run


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("T 'the river' > /dev/full", "standard output"),
        ("T 'the river' -o /dev/full", "/dev/full"),
        ("R 'the river' > /dev/full", "standard output"),
        ("R 'the river' --json > /dev/full", "standard output"),
    ],
)
def test_a_full_disk_is_named(shell, line, name):
    result = shell(line, 1)
    message = f"clearhead: {name}: No space left on device. Make room, or write to another disk.\n"
    assert result.stderr == message


def test_a_limit_on_files_leaves_the_earlier_file_whole(shell):
    (shell.folder / "out").write_bytes(b"earlier")
    (shell.folder / "in").write_bytes(b"the old house by the river\n" * 400)
    result = shell("ulimit -f 1; T -i in -o out", 1)
    assert result.stderr.startswith("clearhead: out: File too large. A limit on the size of files")
    result = shell("ulimit -f 8; R 'the old house' --save steps.safetensors", 1)
    assert result.stderr.startswith("clearhead: steps.safetensors: ")
    assert sorted(files(shell.folder)) == ["in", "out"]
    assert files(shell.folder)["out"] == b"earlier"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T 'the river' >&-", "clearhead: standard output: It is closed. Open it, or name a file"),
        ("R 'the river' >&-", "clearhead: standard output: It is closed."),
        ("T <&-", "Error: standard input is closed. Give the text itself, or a file."),
    ],
)
def test_closed_streams_are_named(shell, line, message):
    assert shell(line, 1).stderr.startswith(message)


def test_closed_standard_error_and_input_hinder_nobody_else(shell):
    assert shell("T 12 2>&-", 0).stdout == "12\n"
    assert shell("T 12 <&-", 0).stdout == "12\n"
    assert shell("T 12 -o out >&- <&- 2>&-; cat out", 0).stdout == "12\n"


@pytest.mark.parametrize(
    "line",
    ["T -i lines -o lines", "T -i link -o ./lines", "T -i hard -o link", "T < lines -o link"],
)
def test_a_file_is_not_replaced_by_its_translation(shell, line):
    (shell.folder / "lines").write_text("12\n13\n")
    (shell.folder / "link").symlink_to("lines")
    (shell.folder / "hard").hardlink_to(shell.folder / "lines")
    result = shell(line, 1)
    assert "is the file that is read" in result.stderr
    assert "Give the translations a file of their own." in result.stderr
    assert (shell.folder / "link").is_symlink()
    assert set(files(shell.folder).values()) == {b"12\n13\n"}


@pytest.mark.parametrize("line", ["T -i lines >> lines", "T < lines >> lines"])
def test_a_file_that_the_shell_writes_is_not_read(shell, line):
    (shell.folder / "lines").write_text("12\n")
    result = shell(line, 1)
    assert "is also the file that standard output goes to" in result.stderr
    assert (shell.folder / "lines").read_text() == "12\n"


def test_bad_input_leaves_the_earlier_output_whole(shell):
    lines = b"the old house %d\n"
    archive = gzip.compress(b"".join(lines % number for number in range(5000)))
    bad = {
        "cut.gz": (archive[:2000], "its compressed data are cut off. Fetch the file again."),
        "no.gz": (b"plain text\n", "it is not a gzip file, as .gz says"),
        "more.gz": (gzip.compress(b"12\n") + b"tail", "it is not a gzip file, as .gz says"),
        "flipped.gz": (archive[:60] + b"\xff" * 40 + archive[100:], "damaged"),
        "latin": ("12\nété\n".encode("latin-1"), "Line 2 is not valid UTF-8"),
        "wide": ("12\n".encode("utf-16"), "Line 1 is not valid UTF-8"),
    }
    (shell.folder / "out").write_bytes(b"earlier")
    for name, (content, message) in bad.items():
        (shell.folder / name).write_bytes(content)
        assert message in shell(f"T -i {name} -o out", 2).stderr
    assert "Cannot read missing: No such file" in shell("T -i missing -o out", 1).stderr
    assert "Cannot read .: Is a directory" in shell("T -i . -o out", 1).stderr
    assert files(shell.folder)["out"] == b"earlier"
    assert sorted(files(shell.folder)) == sorted([*bad, "out"])
    assert "It is a folder. Name a file in it." in shell("T 12 -o .", 1).stderr


def test_a_pipe_takes_its_lines_as_they_come(shell):
    os.mkfifo(shell.folder / "pipe")
    assert shell("cat pipe & T 12 13 -o pipe; wait", 0).stdout == "12\n13\n"


@pytest.mark.parametrize("text", ["", "   ", "😀", "12:30"])
def test_nothing_to_trace_is_refused_as_on_the_page(shell, text):
    result = shell(f"R '{text}'", 2)
    assert result.stderr.startswith("clearhead: There is nothing to translate in this text")


def test_a_text_with_a_hyphen_writes_no_file(shell):
    assert "could be a text, or the option -o" in shell("T '-old cats sleep.'", 2).stderr
    assert shell("T '- 12'", 0).stdout == "- 12\n"
    assert not files(shell.folder)


def test_an_interrupt_ends_with_130_and_no_file(shell, model):
    (shell.folder / "out").write_bytes(b"earlier")
    process = subprocess.Popen(
        [sys.executable, "-m", "clearhead", "translate", "--model", model, "-o", "out"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=shell.folder,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    process.stdin.write(b"12\n")
    process.stdin.flush()
    while not any(path.suffix == ".part" for path in shell.folder.iterdir()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")
    assert files(shell.folder) == {"out": b"earlier"}
