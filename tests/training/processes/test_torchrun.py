"""torchrun starts a run, one of its processes is killed, and the bits are those of one process.

Two network namespaces stand for two machines, which share a folder and no loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from clearhead.training.checkpoint import states
from clearhead.training.loop import Trainer
from clearhead.training.run_folder.log import read_log
from clearhead.training.settings import Settings
from tests.training.conftest import WORDS
from tests.training.processes.test_parallel import toml
from tests.translation.small_folder import write_model

ROOT = Path(__file__).parents[3]
STEPS = 24
NEEDS_PROC = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds the processes in /proc"
)


def write_config(table: dict[str, Any], tmp_path: Path) -> Path:
    table["training"] |= {
        "micro_batches": 4,
        "accumulation": 5,  # the last step of an epoch has fewer of its 12 batches
        "bpe_dropout": 0.1,
        "precision": "bfloat16",
        "threads": 0,
        "max_steps": STEPS,
        "checkpoint_every": 2,
        "evaluate_every": 4,
        "keep_checkpoints": 100,
    }
    table["data"]["max_tokens"], table["model"]["max_length"] = 60, 64
    model = write_model(tmp_path / "teacher")
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"the {word} house\n" for word in WORDS))
    table["data"]["corpus"].append(
        {
            "path": f"lines:{texts}",
            "teacher": str(model),
            "from_target": True,
            "back_translation_tag": True,
        }
    )
    path = tmp_path / "tiny.toml"
    path.write_text(toml(table))
    return path


def torchrun(config: Path, run: Path, *options: str, prefix: tuple[str, ...] = ()) -> Any:
    messages = run.with_suffix(f".{len(prefix)}{prefix[-1] if prefix else ''}.messages")
    messages.parent.mkdir(exist_ok=True)
    with messages.open("wb") as file:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "torch.distributed.run", "--monitor-interval", "0.1",
             *options, "-m", "--", "clearhead", "train", str(config), "--run", str(run)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    return process, messages


def wait_for_states(run: Path, number: int, process: Any, messages: Path) -> None:
    deadline = time.monotonic() + 240
    while len(states(run)) < number:
        assert process.poll() is None, messages.read_text()
        assert time.monotonic() < deadline, messages.read_text()
        time.sleep(0.005)


def child_of_rank(process: Any, rank: int) -> int:
    """The process that torchrun has started for a rank."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        with suppress(OSError):
            environment = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            if b"RANK=%d" % rank in environment:
                return int(child)
    raise AssertionError(f"no process of rank {rank} among {children}")


def same_bits(alone: Path, run: Path) -> None:
    """The weights and optimizers of every checkpoint, the finished model, and the hashes."""
    for state in states(alone):
        for file in state.glob("*.safetensors"):
            assert file.read_bytes() == (run / state.name / file.name).read_bytes(), file
    file = "model/model.safetensors"
    assert (alone / file).read_bytes() == (run / file).read_bytes()
    hashes = [
        [row for row in read_log(folder / "log.jsonl") if row["kind"] != "train"]
        for folder in (alone, run)
    ]
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 3 * (STEPS // 4)  # losses, hashes and translations


@pytest.mark.slow
@NEEDS_PROC
def test_a_killed_rank_is_started_again_and_any_number_ends_with_the_same_bits(
    table: dict[str, Any], tmp_path: Path
) -> None:
    config = write_config(table, tmp_path)
    run = tmp_path / "run"
    process, messages = torchrun(
        config, run, "--standalone", "--nproc-per-node", "2", "--max-restarts", "2"
    )
    wait_for_states(run, 2, process, messages)
    os.kill(child_of_rank(process, 1), signal.SIGKILL)
    Trainer(Settings.from_toml(config), tmp_path / "alone").train()
    assert process.wait(240) == 0, messages.read_text()
    assert "Going on from step" in messages.read_text()
    same_bits(tmp_path / "alone", run)
    progress = json.loads((run / f"step-{STEPS:08d}/progress.json").read_text())
    assert len(progress["starts"]) == 2
    # A checkpoint of two processes goes on with three, which share four micro-batches unevenly.
    three = tmp_path / "three"
    shutil.copytree(run, three)
    shutil.rmtree(states(three)[-1])  # the one before it is whole, too
    shutil.rmtree(three / "model")
    process, messages = torchrun(config, three, "--standalone", "--nproc-per-node", "3")
    assert process.wait(240) == 0, messages.read_text()
    same_bits(tmp_path / "alone", three)


@contextmanager
def two_hosts() -> Iterator[tuple[str, str]]:
    """Two network namespaces with a cable between them: 10.213.71.1 and 10.213.71.2."""
    names = [f"clearhead-{os.getpid()}-{number}" for number in (1, 2)]
    ends = [f"ch{os.getpid() % 100000}x{number}" for number in (1, 2)]

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)

    try:
        try:
            for name in names:
                ip("netns", "add", name)
            ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
            for number, (name, end) in enumerate(zip(names, ends, strict=True), 1):
                ip("link", "set", end, "netns", name)
                ip("-n", name, "link", "set", end, "name", "cable")
                ip("-n", name, "addr", "add", f"10.213.71.{number}/24", "dev", "cable")
                ip("-n", name, "link", "set", "cable", "up")
                ip("-n", name, "link", "set", "lo", "up")
        except (OSError, subprocess.SubprocessError) as error:
            words = getattr(error, "stderr", b"") or str(error).encode()
            pytest.skip(f"this machine makes no network namespaces: {words.decode().strip()}")
        yield names[0], names[1]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.mark.slow
@NEEDS_PROC
def test_two_machines_end_with_the_bits_of_one(table: dict[str, Any], tmp_path: Path) -> None:
    config = write_config(table, tmp_path)
    run = tmp_path / "run"
    with two_hosts() as names:
        options = (
            "--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "2",
            "--rdzv-backend", "c10d", "--rdzv-endpoint", "10.213.71.1:29511", "--rdzv-id", "tiny",
        )  # fmt: skip
        started = []
        for number, name in enumerate(names):
            prefix = ("ip", "netns", "exec", name, "env", "GLOO_SOCKET_IFNAME=cable")
            # torchrun looks for the endpoint among this host's names, which has none here.
            own = ("--local-addr", f"10.213.71.{number + 1}",
                   "--rdzv-conf", f"is_host={number == 0}")  # fmt: skip
            started.append(
                torchrun(config, run, *options, *own, prefix=(*prefix, f"HOST={number}"))
            )
        Trainer(Settings.from_toml(config), tmp_path / "alone").train()
        for process, messages in started:
            assert process.wait(240) == 0, messages.read_text()
    same_bits(tmp_path / "alone", run)
