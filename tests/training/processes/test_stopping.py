"""Ctrl-C and SIGTERM to real processes, at every stage of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clearhead.training.checkpoint import states
from clearhead.training.loop import Trainer
from clearhead.training.run_folder.progress import read_progress
from clearhead.training.settings import Settings

ROOT = Path(__file__).parents[3]
SETS = {"max_steps": 24, "checkpoint_every": 10, "average": 2, "evaluate_every": 10}


def write_config(table: dict[str, Any], folder: Path, **training: Any) -> Path:
    table["training"] |= SETS | training
    lines = []
    for section, values in table.items():
        lines.append(f"[{section}]")
        lines += [f"{k} = {json.dumps(v)}" for k, v in values.items() if k != "corpus"]
    for row in table["data"]["corpus"]:
        lines.append("[[data.corpus]]")
        lines += [f"{k} = {json.dumps(v)}" for k, v in row.items()]
    path = folder / "tiny.toml"
    path.write_text("\n".join(lines))
    return path


def start(config: Path, run: Path, *more: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "clearhead", "train", str(config), "--run", str(run), *more]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not ready():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, messages = process.communicate(timeout=240)
    return process.returncode, messages


def lines_of(messages: str, beginning: str) -> list[str]:
    return [line for line in messages.splitlines() if line.startswith(beginning)]


@pytest.mark.slow
def test_ctrl_c_saves_and_the_same_command_ends_with_the_same_bits(
    table: dict[str, Any], tmp_path: Path
) -> None:
    whole = Trainer(Settings.from_dict({**table, "training": table["training"] | SETS}),
                    tmp_path / "whole").train()  # fmt: skip
    config, run = write_config(table, tmp_path), tmp_path / "run"
    # Beyond what is compared, so that it cannot end before it is stopped.
    process = start(config, run, "--set", "training.max_steps=100000")
    wait_until(process, lambda: any(states(run)))
    process.send_signal(signal.SIGINT)
    status, messages = end(process)
    assert status == 130
    assert "Traceback" not in messages
    for word in ("model: ", "epoch 1: ", "precision: ", "at work: ", "step 1 of"):
        assert lines_of(messages, word), messages
    saved = states(run)[-1]
    assert lines_of(messages, "clearhead: ") == [
        f"clearhead: Stopped by Ctrl-C after step {int(saved.name[5:]):,}; the state is saved in "
        f"{saved}. Start the same command again to go on."
    ]
    keep_until(run, 19)
    assert end(start(config, run))[0] == 0
    for name in ("model.safetensors", "config.json"):
        ours, theirs = (run / "model" / name).read_bytes(), (whole / name).read_bytes()
        if name == "config.json":
            averaged = [json.loads(text)["provenance"]["averaged"] for text in (ours, theirs)]
            assert averaged[0] == averaged[1] == ["step-00000020", "step-00000024"]
        else:
            assert ours == theirs
    assert not any(read_progress(state).stopped for state in states(run))


def keep_until(run: Path, step: int) -> None:
    """As if it had been stopped earlier, should the run have gone beyond what is compared."""
    for state in states(run):
        if int(state.name[5:]) > step:
            for path in state.iterdir():
                path.unlink()
            state.rmdir()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="reads sockets in /proc")
def test_sigterm_ends_two_processes_together_that_no_one_else_could_reach(
    table: dict[str, Any], tmp_path: Path
) -> None:
    config, run = write_config(table, tmp_path, max_steps=100_000), tmp_path / "run"
    process = start(config, run, "--processes", "2")
    wait_until(process, lambda: any(states(run)))
    members = children(process.pid)
    assert len(members) == 2
    addresses = [address for pid in members for address in listening(pid)]
    assert addresses  # they do talk over sockets
    assert set(addresses) <= {"0100007F", "00000000000000000000000001000000"}
    process.send_signal(signal.SIGTERM)
    status, messages = end(process)
    assert status == 143
    saved = states(run)[-1]
    assert lines_of(messages, "clearhead: ") == [
        f"clearhead: Stopped by SIGTERM after step {int(saved.name[5:]):,}; the state is saved in "
        f"{saved}. Start the same command again to go on."
    ]
    assert not any(Path(f"/proc/{pid}").exists() for pid in members)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def listening(pid: int) -> list[str]:
    """The local addresses, in hexadecimal, on which a process waits for connections."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(descriptor)
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    sockets = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[9] in inodes and columns[3] == "0A":
                sockets.append(columns[1].partition(":")[0])
    return sockets


@pytest.mark.slow
def test_while_the_data_are_prepared_nothing_is_harmed(
    table: dict[str, Any], tmp_path: Path
) -> None:
    config, run = write_config(table, tmp_path), tmp_path / "run"
    corpus = Path(table["data"]["corpus"][0]["path"])
    small = corpus.read_text()
    corpus.write_text("".join(f"word{i} of {i % 977}\tmot{i} de {i % 991}\n" for i in range(10**6)))
    process = start(config, run, "--processes", "1")
    wait_until(process, (run / "settings.json").exists)
    process.send_signal(signal.SIGTERM)
    assert end(process) == (
        143,
        "clearhead: Stopped by SIGTERM before the first step; nothing is lost. Start the same "
        "command again to go on.\n",
    )
    corpus.write_text(small)  # no checkpoint yet, so another corpus is another beginning
    Trainer(Settings.from_toml(config), run).train()


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_second_ctrl_c_ends_at_once(
    table: dict[str, Any], tmp_path: Path, processes: str
) -> None:
    # A step of minutes: the epoch's batches ten thousand times over are one step.
    table["data"]["corpus"][0]["passes"] = 1000.0
    config = write_config(table, tmp_path, accumulation=10**6)
    process = start(config, tmp_path / "run", "--processes", processes)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("at work: "):
        assert process.poll() is None
    time.sleep(1.0)  # into the step
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == (
        "Ctrl-C: stopping after this step (once more to end at once).\n"
    )
    process.send_signal(signal.SIGINT)
    status, messages = end(process)
    assert status == 130
    assert messages == "clearhead: Ended at once by Ctrl-C; the last checkpoint stays.\n"
