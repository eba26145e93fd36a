"""How many processes and threads a machine is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import ConfigError
from clearhead.training.loop import Trainer
from clearhead.training.processes import workers
from clearhead.training.processes.workers import (
    choose_processes,
    choose_threads,
    micro_batches_of,
    processes_of_run,
    usable_cores,
)
from clearhead.training.run_folder.progress import Progress
from clearhead.training.settings import Settings, TrainingSettings
from tests.strangers import SPOILT, spoilt

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("options", "cores", "processes", "threads"),
    [
        ({"batch_tokens": 3072}, 1, 1, 1),
        ({"batch_tokens": 3072}, 2, 2, 1),
        ({"batch_tokens": 3072}, 16, 3, 5),
        ({"batch_tokens": 2048, "accumulation": 2}, 4, 4, 1),
        ({"batch_tokens": 128}, 8, 1, 1),
        ({"batch_tokens": 1500}, 2, 1, 2),
        ({"batch_tokens": 3072, "threads": 2}, 4, 2, 2),
        ({"batch_tokens": 3072, "threads": 8}, 2, 1, 8),
        ({"batch_tokens": 3072, "device": "cuda"}, 2, 1, 2),
        # Steps that any number of processes may share have one thread each, for the same bits.
        ({"batch_tokens": 3072, "micro_batches": 8}, 16, 3, 1),
        ({"batch_tokens": 9000, "micro_batches": 4}, 16, 4, 1),
        ({"batch_tokens": 1500, "micro_batches": 4}, 16, 1, 1),
        ({"batch_tokens": 3072, "micro_batches": 4, "threads": 2}, 4, 2, 2),
        ({"batch_tokens": 3072, "micro_batches": 1}, 4, 1, 4),
    ],
)
def test_cores_are_used_as_far_as_there_is_work(
    options: dict[str, Any], cores: int, processes: int, threads: int
) -> None:
    settings = TrainingSettings(**options)
    assert choose_processes(settings, cores) == processes
    assert choose_threads(settings, cores, processes) == threads
    assert choose_threads(settings, cores, processes, before=7) == (settings.threads or 7)


# A recipe of text is none of training.
CONFIGS = [
    path for path in (ROOT / "configs").glob("*.toml") if not path.name.endswith("prepare.toml")
]


@pytest.mark.parametrize("path", sorted(CONFIGS), ids=lambda p: p.name)
def test_the_configs_of_the_repository_use_two_cores(path: Path) -> None:
    options = Settings.from_toml(path).training
    processes = choose_processes(options, 2)
    assert processes * choose_threads(options, 2, processes) == 2


def test_cores_by_container_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(workers, "_CGROUP", quota)
    monkeypatch.setattr(workers.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert usable_cores() == 8
    for content, cores in (("200000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("?", 8)):
        quota.write_text(content)
        assert usable_cores() == cores
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert usable_cores() == 3


def test_a_run_goes_on_with_as_many_as_it_was_begun_with(tiny: Settings, tmp_path: Path) -> None:
    assert processes_of_run(tmp_path / "run") is None
    Trainer(tiny, tmp_path / "run").train()
    assert processes_of_run(tmp_path / "run") == 1


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_state_says_nothing_of_processes(tmp_path: Path, how: str) -> None:
    (tmp_path / "step-00000004").mkdir()
    path = tmp_path / "step-00000004/progress.json"
    path.write_text(json.dumps({"step": 4, "machine": {"processes": 2, "threads": 1}}))
    assert processes_of_run(tmp_path) == 2
    with spoilt(path, how):
        assert processes_of_run(tmp_path) is None


def test_micro_batches_are_those_of_the_beginning() -> None:
    options = TrainingSettings()
    assert micro_batches_of(options, 2, Progress()) == 2
    assert micro_batches_of(options, 1, Progress(micro_batches=8)) == 8
    assert micro_batches_of(options, 1, Progress(machine={"processes": 4})) == 4  # an old state
    assert micro_batches_of(TrainingSettings(micro_batches=6), 4, Progress()) == 6
    with pytest.raises(ConfigError, match=r"cut into 2 micro-batches, which 3 processes cannot"):
        micro_batches_of(options, 3, Progress(micro_batches=2))
