"""Chooses the number of processes, and of threads in each, for training on this machine.

Processes of one thread share the rows of each batch and wait for each other only once a step.
Threads of one process wait for each other at every operator, and if another program takes a core
from one of them, all others wait. So each core gets its own process as long as every process has
enough work.
"""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import CheckpointError, ConfigError
from ..run_folder.progress import Progress, read_progress
from ..settings import TrainingSettings

# Batch size (rows times longest side) of a step: with less a process mostly waits for the others.
_TOKENS_OF_A_PROCESS = 1024
_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return the number of usable cores, by affinity, container limit and OMP_NUM_THREADS."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    try:
        quota, period = _CGROUP.read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdecimal() and int(limit) else cores


def choose_processes(options: TrainingSettings, cores: int) -> int:
    """Return the number of processes to share each step.

    Args:
        options: of the run; ``threads``, if set, is the number of cores of each process.
        cores: the number of usable cores.
    """
    if options.device != "cpu":
        return 1
    enough = options.batch_tokens * options.accumulation // _TOKENS_OF_A_PROCESS
    most = options.micro_batches or enough
    return max(1, min(cores // max(options.threads, 1), enough, most))


def choose_threads(
    options: TrainingSettings, cores: int, processes: int, *, before: int = 0
) -> int:
    """Return the number of threads of each process of a run.

    Args:
        options: of the run; ``threads`` decides unless it is 0.
        cores: the number of usable cores.
        processes: the number of processes that share them.
        before: the number of threads that the run was begun with; 0 at its beginning.
    """
    if options.threads or before:
        return options.threads or before
    if options.batch_tokens * options.accumulation < _TOKENS_OF_A_PROCESS:
        return 1  # more threads would wait longer than they work
    if options.micro_batches > 1 and options.device == "cpu":
        return 1  # fixed, because the number of threads changes the bits
    return max(1, cores // processes)


def processes_of_run(run: Path) -> int | None:
    """Return the number of processes that a run was begun with; None if no state has it."""
    for folder in sorted(run.glob("step-" + "[0-9]" * 8), reverse=True)[:1]:
        try:
            return read_progress(folder).processes or None
        except CheckpointError:
            return None  # loading the state will report the error
    return None


def micro_batches_of(options: TrainingSettings, processes: int, before: Progress) -> int:
    """Return the number of micro-batches of each step of a run.

    Args:
        options: of the run; ``micro_batches`` decides unless it is 0.
        processes: the number of processes that share a step now.
        before: progress of the run. If the settings have no number, the one from the beginning of
            the run is used; states of earlier versions have one micro-batch for each process.

    Raises:
        ConfigError: a process would have no micro-batch, or a sharded run's are not divided evenly.
    """
    count = options.micro_batches or before.micro_batches or before.processes or processes
    if processes > count:
        raise ConfigError(
            f"Each step of this run is cut into {count:,} micro-batch{'es' * (count > 1)}, which "
            f"{processes} processes cannot share. Give --processes {count} at most; a run that "
            f"begins with a larger training.micro_batches has room for more."
        )
    if options.shard and count % processes:
        raise ConfigError(
            f"training.shard = true takes all processes for every pass, so each must have as many "
            f"micro-batches; {processes} processes do not share {count} evenly. Set "
            f"training.micro_batches to a multiple of {processes}."
        )
    return count
