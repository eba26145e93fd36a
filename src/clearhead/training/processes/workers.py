"""The number of processes, and of threads in each, that train a model on this machine.

Processes of one thread share the rows of each batch and meet once in a step; threads of one
process wait for each other at every operator, and where another program takes a core from one of
them, all others wait. So cores are used by processes as long as each has enough to do.
"""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import CheckpointError, ConfigError
from ..run_folder.progress import Progress, read_progress
from ..settings import TrainingSettings

# Of rows times longest side, in a step: with less a process mostly waits for the others.
_TOKENS_OF_A_PROCESS = 1024
_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return how many cores this process may use: by affinity, container and OMP_NUM_THREADS."""
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
    """Return how many processes to share the steps among.

    Args:
        options: with threads set, so many cores belong to each process.
        cores: that may be used.
    """
    if options.device != "cpu":
        return 1
    enough = options.batch_tokens * options.accumulation // _TOKENS_OF_A_PROCESS
    most = options.micro_batches or enough
    return max(1, min(cores // max(options.threads, 1), enough, most))


def choose_threads(
    options: TrainingSettings, cores: int, processes: int, *, before: int = 0
) -> int:
    """Return how many threads each process of a run works with.

    Args:
        options: of the run; its threads decide, unless they are 0.
        cores: that may be used.
        processes: that share them.
        before: threads that the run was begun with; 0 at its beginning.
    """
    if options.threads or before:
        return options.threads or before
    if options.batch_tokens * options.accumulation < _TOKENS_OF_A_PROCESS:
        return 1  # they would wait longer than they work
    if options.micro_batches > 1 and options.device == "cpu":
        return 1  # with another number the bits are others, and any number of processes may share
    return max(1, cores // processes)


def processes_of_run(run: Path) -> int | None:
    """Return how many processes a run was begun with; None without a state that says it."""
    for folder in sorted(run.glob("step-" + "[0-9]" * 8), reverse=True)[:1]:
        try:
            return read_progress(folder).processes or None
        except CheckpointError:
            return None  # loading the state will say what is wrong with it
    return None


def micro_batches_of(options: TrainingSettings, processes: int, before: Progress) -> int:
    """Return into how many micro-batches each step of a run is cut.

    Args:
        options: of the run; its number decides.
        processes: that share a step now.
        before: where the run stands. Without a number in the settings it is that of its beginning;
            states of earlier versions have one for each process.

    Raises:
        ConfigError: some processes would have none.
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
