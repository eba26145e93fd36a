"""Under a limit on memory a command runs in a forked process, whose end is answered for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clearhead.cli.resources.memory import is_limited, lacks_memory

SOURCE = Path(__file__).parents[3] / "src"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are heeded on Linux")
BEGIN = "import os, signal, sys, time\nfrom clearhead.cli.resources import memory\n"
BEGIN += "first = os.getpid()\nmemory.go_on_in_a_forked_process()\nassert os.getpid() != first\n"


def begin(program: str, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def test_the_status_is_that_of_the_command():
    process = begin("print('done'); sys.exit(7)")
    assert process.communicate() == ("done\n", "")
    assert process.returncode == 7


@pytest.mark.parametrize("end", ["os.abort()", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_where_a_library_ends_it_there_is_a_sentence(end):
    process = begin(end)
    output, words = process.communicate()
    assert output == ""
    assert words.startswith("clearhead: The memory is used up. Give it more")
    assert process.returncode == 1


def test_another_signal_is_passed_on_and_the_end_is_of_it():
    process = begin("print('ready', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM


def test_it_does_not_outlive_the_process_that_waits():
    process = begin("print(os.getpid(), flush=True); time.sleep(60)")
    number = int(process.stdout.readline())
    process.kill()
    process.communicate(timeout=20)  # until the forked one has closed its end of the pipes
    assert not Path(f"/proc/{number}/cwd").exists()


def test_what_says_that_there_is_no_memory():
    assert lacks_memory(MemoryError())
    assert lacks_memory(RuntimeError("std::bad_alloc"))
    assert lacks_memory(RuntimeError("can't start new thread"))
    error = ImportError("x")
    error.__cause__ = MemoryError()
    assert lacks_memory(error)
    assert not lacks_memory(ValueError("a number"))
    assert not is_limited()
    assert not lacks_memory(SystemError("error return without exception set"))
