"""The launcher starts processes that may all have work, and tells one reason for their end."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import clearhead
from clearhead.errors import ConfigError
from clearhead.training.processes import launch
from clearhead.training.processes.launch import check_processes

# A stand-in for the command: what each process does is given by its rank.
STAND_IN = """
import os, signal, sys, time
rank = int(os.environ["RANK"])
exec(sys.argv[3 + rank])
"""


@pytest.mark.parametrize(
    ("first", "second", "status", "messages"),
    [
        ("pass", "pass", 0, ""),
        ("sys.exit('clearhead: no')", "sys.exit('clearhead: no')", 1, "clearhead: no\n"),
        ("sys.exit('clearhead: no')", "time.sleep(60)", 1, "clearhead: no\n"),
        (
            "sys.exit('clearhead: no')",
            "sys.stderr.write('lost'); sys.exit(3)",
            1,
            "clearhead: no\n",
        ),
        ("sys.exit(3)", "sys.exit('clearhead: mine')", 1, "clearhead: mine\n"),
        (
            "sys.exit(3)",
            "os.kill(os.getpid(), signal.SIGKILL)",
            1,
            "clearhead: process 2 of 2 was killed by SIGKILL, so training stopped. Start the same "
            "command again to go on from the last checkpoint.\n",
        ),
    ],
)
def test_the_launcher_tells_one_reason(
    first: str,
    second: str,
    status: int,
    messages: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    stand_in = tmp_path / "stand_in"
    stand_in.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{STAND_IN}' \"$@\"\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(launch.sys, "executable", str(stand_in))
    monkeypatch.setattr(launch, "_SECONDS_TO_END", 0.5)
    assert launch.launch([first, second], 2) == status
    assert capfd.readouterr().err == messages


@pytest.mark.parametrize(("count", "step_tokens"), [(1, 1), (2, 2), (128, 10_000)])
def test_as_many_processes_as_a_step_has_rows_are_started(count: int, step_tokens: int) -> None:
    check_processes(count, step_tokens)


@pytest.mark.parametrize(
    ("count", "step_tokens", "most"), [(0, 9, 9), (3, 2, 2), (129, 10_000, 128)]
)
def test_more_processes_than_can_have_work_are_refused(
    count: int, step_tokens: int, most: int
) -> None:
    with pytest.raises(ConfigError, match=rf"{step_tokens:,} tokens, .* --processes {most} at mo"):
        check_processes(count, step_tokens)


def test_the_loopback_is_an_interface_of_this_machine() -> None:
    name = launch.loopback()
    assert name in {None, "lo", "lo0"}
    assert name is None or socket.if_nametoindex(name) > 0


FOLLOWER = """
import sys, time
from clearhead.training.processes.launch import end_with_launcher
from clearhead.training.processes.stopping import Stop
stop = Stop()
end_with_launcher(stop)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_process_ends_when_its_launcher_is_gone() -> None:
    source = str(Path(clearhead.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", FOLLOWER],
        env={"PYTHONPATH": source, launch.LEASH: "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdin.close()
    assert process.wait(60) == launch.LOST_CONTACT
    process.stdout.close()
