"""Two real processes on one run: one result, one voice, and an end together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from clearhead.errors import ConfigError
from clearhead.training.checkpoint import states
from clearhead.training.loop import Trainer
from clearhead.training.processes.parallel import LostContactError, Processes, share_rows
from clearhead.training.settings import Settings
from tests.training.conftest import ONE_SIDED, tiny_table

ROOT = Path(__file__).parents[3]
STEPS = 16


def toml(table: dict[str, Any]) -> str:
    """The settings table of these tests as TOML; its lists and strings are JSON's too."""
    lines = []
    for section, values in table.items():
        if isinstance(values, str):
            lines.insert(0, f"{section} = {json.dumps(values)}")
            continue
        corpora = values.pop("corpus", [])
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        for row in corpora:
            rows = [f"{name} = {json.dumps(value)}" for name, value in row.items()]
            lines += ["[[data.corpus]]", *rows]
    return "\n".join(lines)


@pytest.fixture
def config(table: dict[str, Any], tmp_path: Path) -> Path:
    return write_config(table, tmp_path)


def write_config(table: dict[str, Any], tmp_path: Path) -> Path:
    table["training"] |= {
        "accumulation": 2,
        "max_steps": STEPS,
        "checkpoint_every": 2,
        "keep_checkpoints": 100,
    }
    path = tmp_path / "tiny.toml"
    path.write_text(toml(table))
    return path


def start(config: Path, run: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "clearhead", "train", str(config), "--run", str(run)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, "--processes", "2", *more],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, messages = process.communicate(timeout=240)
    assert process.returncode == 0, messages
    assert output.endswith("model\n")
    assert output.count("\n") == 1
    return messages


def wait_for_states(run: Path, number: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 240
    while len(states(run)) < number:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def members(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a launcher has started."""
    tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(child) for child in tasks.read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in /proc")
def test_killed_with_its_launcher_it_ends_with_the_same_bits(config: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reference = start(config, whole)
    # Steps beyond those compared, so that it cannot end before it is killed.
    process = start(config, killed, "--set", "training.max_steps=4000")
    wait_for_states(killed, 2, process)
    children = members(process)
    assert len(children) == 2
    process.kill()  # the launcher alone: its processes end with it
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    keep_until(killed, STEPS - 4)
    messages = finish(start(config, killed))
    finish(reference)
    assert "Going on from step" in messages
    assert messages.count("Going on") == 1  # one voice
    for state in states(whole):
        assert (state / "model.safetensors").read_bytes() == (
            killed / state.name / "model.safetensors"
        ).read_bytes(), state.name
    last = f"step-{STEPS:08d}/state.safetensors"
    assert (whole / last).read_bytes() == (killed / last).read_bytes()
    run = "model/model.safetensors"
    assert (whole / run).read_bytes() == (killed / run).read_bytes()
    one_goes_on_with_the_bits_of_two(config, whole)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def keep_until(run: Path, step: int) -> None:
    """As if the kill had come earlier, should the run have gone beyond what is compared."""
    for state in states(run):
        if int(state.name[5:]) > step:
            shutil.rmtree(state)


def one_goes_on_with_the_bits_of_two(config: Path, run: Path) -> None:
    """A checkpoint of two processes, read by one."""
    alone = run.with_name("alone")
    shutil.copytree(run, alone)
    keep_until(alone, STEPS - 2)
    settings = Settings.from_toml(config, {})
    Trainer(settings, alone).train()
    for name in ("model", "state"):
        file = f"step-{STEPS:08d}/{name}.safetensors"
        assert (alone / file).read_bytes() == (run / file).read_bytes()


@pytest.mark.slow
# A language model's loss is a translation's; a classifier's is another.
@pytest.mark.parametrize(
    "task", ["translation", "classification", pytest.param("language", marks=pytest.mark.heavy)]
)
def test_gradients_are_summed_as_in_one_process(task: str, tmp_path: Path) -> None:
    config = write_config({"translation": tiny_table, **ONE_SIDED}[task](tmp_path), tmp_path)
    plain = {"model.dropout": 0.0, "model.attention_dropout": 0.0, "training.max_steps": 3}
    sets = [part for name, value in plain.items() for part in ("--set", f"{name}={value}")]
    two = start(config, tmp_path / "two", *sets)
    one = Trainer(Settings.from_toml(config, plain), tmp_path / "one")
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    one.train()
    finish(two)
    ours = load_file(tmp_path / "two/step-00000003/model.safetensors")
    rows = [
        [json.loads(line) for line in (tmp_path / run / "log.jsonl").read_text().splitlines()]
        for run in ("one", "two")
    ]
    for alone, shared in zip(*rows, strict=True):
        assert shared["loss"] == pytest.approx(alone["loss"], rel=1e-6)
        if alone["kind"] == "train":
            assert shared["gradient_norm"] == pytest.approx(alone["gradient_norm"], rel=1e-5)
    for name, value in one.model.state_dict().items():
        # Adam's first steps have the size of the learning rate whatever the gradient's, so an
        # element whose gradient is all rounding may differ; the bulk may not.
        difference = (ours[name] - value).abs()
        assert float(difference.mean()) < 1e-5, name
        if not name.endswith("key.bias"):  # attention does not depend on it: no gradient at all
            assert float((value - before[name]).abs().mean()) > 1e-4, name


@pytest.mark.slow
def test_an_error_is_told_once(config: Path, tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("no tab here\n")
    process = start(config, tmp_path / "run")
    output, messages = process.communicate(timeout=240)
    assert process.returncode == 2
    assert output == ""
    assert messages.count("\n") == 1
    assert messages.startswith("clearhead: ")
    assert "train.tsv" in messages


def test_more_processes_than_can_have_work_are_refused(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(config, tmp_path / "launched", "--processes", "129")
    output, messages = process.communicate(timeout=240)
    assert process.returncode == 2
    assert (output, messages.count("\n")) == ("", 1)
    expected = (
        "The rows of a step cannot be shared among 129 processes: training.batch_tokens and "
        "training.accumulation give each step 256 tokens, and at most 128 processes are started. "
        "Give --processes 128 at most."
    )
    assert messages == f"clearhead: {expected}\n"
    # Under torchrun there is no launcher of ours that could say it.
    monkeypatch.setenv("WORLD_SIZE", "129")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ConfigError) as error_info:
        Trainer(Settings.from_toml(config, {}), tmp_path / "run")
    assert str(error_info.value) == expected
    assert not (tmp_path / "run").exists()


def test_one_process_needs_no_others() -> None:
    processes = Processes()
    processes.meet()
    assert (processes.first, processes.count) == (True, 1)
    assert processes.share([3, 4, 5]) == [3, 4, 5]
    values = torch.tensor([1.0, 2.0])
    assert torch.equal(processes.add_up(values), torch.tensor([1.0, 2.0]))
    assert not torch.distributed.is_initialized()


def test_batches_are_dealt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    hands = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        hands.append(Processes().share([0, 1, 2, 3]))
    assert hands == [[0, 3], [1], [2]]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("sizes", [[5], [4, 3], [1], [3, 2, 2], [1, 1, 1, 1]])
def test_rows_of_a_step_are_shared_out_once(count: int, sizes: list[int]) -> None:
    ends = np.cumsum(sizes)
    batches = np.split(np.arange(ends[-1]), ends[:-1])
    shares = [share_rows(batches, part, count) for part in range(count)]
    rows = [int(row) for share in shares for part in share for row in part]
    assert sorted(rows) == list(range(ends[-1]))
    assert all(len(part) for share in shares for part in share)
    work = [sum(map(len, share)) for share in shares]
    if len(set(sizes)) == 1 or len(sizes) % count:
        assert max(work) - min(work) <= len(sizes)


def test_a_process_that_loses_the_others_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_ended() -> None:
        raise RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer")

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("torch.distributed.barrier", all_ended)
    with pytest.raises(LostContactError, match="Another process of this run has ended, so") as it:
        Processes().wait()
    assert "Start the same command again" in str(it.value)
