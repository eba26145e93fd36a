"""The simulation held to runs that were measured: one worker, two, and two of which one is slow.

A worker is a process that writes one part after the other, as a worker of Ray does. The slow one is
stopped two thirds of the time (SIGSTOP), so that it takes three times as long. What the simulation
is told is measured, too: the time of a part on average and its spread, and of loading the model.
"""

from __future__ import annotations

import math
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clearhead.batch.job.folder import Job, survey_inputs
from clearhead.batch.job.line_translator import LineTranslator
from clearhead.batch.job.plan import Plan
from clearhead.translation.translator import Translator

from .simulation import Cluster, simulate

PARTS = 8
SLOW_FACTOR = 3
_PERIOD = 0.3  # seconds, of which a slow worker works a third
_SEEDS = 100


@dataclass(frozen=True)
class Race:
    """One run over all parts.

    Attributes:
        seconds: from the start of the processes to the end of the last part.
        load_seconds: until the first worker was ready.
        part_seconds: of each part.
    """

    seconds: float
    load_seconds: float
    part_seconds: list[float]


def job_of(source: Path, folder: Path, model: str, call: dict[str, object]) -> Job:
    """Return the job of translating a file in parts."""
    translator = LineTranslator(Translator.load(model), call)
    plan = Plan.of_shards(survey_inputs([source]), translator.settings, PARTS, translator.grain)
    return Job(folder, plan, translator)


def race(source: Path, folder: Path, model: str, beam_size: int, workers: int, slow: int) -> Race:
    """Translate a corpus with so many workers, of which some are slow.

    Raises:
        CalledProcessError: a worker failed.
    """
    job_of(source, folder, model, {"beam_size": beam_size}).open()
    queue, lock = deque(range(1, PARTS + 1)), threading.Lock()
    load_seconds: list[float] = []
    part_seconds: list[float] = []
    start = time.perf_counter()

    def lead(number: int) -> None:
        process = _start(source, folder, model, beam_size)
        assert process.stdin is not None
        assert process.stdout is not None
        over = threading.Event()
        if number < slow:
            threading.Thread(target=_hold_up, args=(process.pid, over), daemon=True).start()
        process.stdout.readline()
        load_seconds.append(time.perf_counter() - start)
        while True:
            with lock:
                if not queue:
                    break
                part = queue.popleft()
            before = time.perf_counter()
            process.stdin.write(f"{part}\n")
            process.stdin.flush()
            if not process.stdout.readline():
                break  # it has failed
            part_seconds.append(time.perf_counter() - before)
        over.set()
        process.stdin.close()
        process.wait()

    threads = [threading.Thread(target=lead, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(part_seconds) < PARTS:
        raise subprocess.CalledProcessError(1, "a worker; its message is above")
    return Race(time.perf_counter() - start, min(load_seconds), part_seconds)


def _start(source: Path, folder: Path, model: str, beam_size: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", __name__, str(source), str(folder), model, str(beam_size)]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _hold_up(process: int, over: threading.Event) -> None:
    """Stop a process two thirds of the time."""
    with suppress(ProcessLookupError):
        while not over.is_set():
            os.kill(process, signal.SIGSTOP)
            time.sleep(_PERIOD * (1 - 1 / SLOW_FACTOR))
            os.kill(process, signal.SIGCONT)
            time.sleep(_PERIOD / SLOW_FACTOR)


def simulated_seconds(alone: Race, workers: int, slow: int) -> float:
    """Return the seconds that the simulation says, from what one worker took; a mean of many."""
    logs = [math.log(seconds) for seconds in alone.part_seconds]
    cluster = Cluster(
        workers, PARTS, statistics.mean(alone.part_seconds), spread=statistics.pstdev(logs),
        slow_share=slow / workers, slow_factor=SLOW_FACTOR, load_time=alone.load_seconds,
    )  # fmt: skip
    return statistics.mean(simulate(cluster, seed).time for seed in range(_SEEDS))


def measure(source: Path, place: Path, model: str, beam_size: int) -> list[dict[str, float]]:
    """Return measured and simulated seconds of each number of workers."""
    rows, alone = [], None
    for workers, slow in ((1, 0), (2, 0), (2, 1)):
        result = race(source, place / f"race-{workers}-{slow}", model, beam_size, workers, slow)
        alone = alone or result
        seconds = simulated_seconds(alone, workers, slow)
        rows.append(
            {"workers": workers, "slow": slow, "measured": result.seconds, "simulated": seconds}
        )
    return rows


def main() -> None:
    """Be a worker: load the model, and write the parts whose numbers come."""
    source, folder, model, beam_size = sys.argv[1:]
    job = job_of(Path(source), Path(folder), model, {"beam_size": int(beam_size)})
    job.work.lines(["A house."])
    print("ready", flush=True)
    for line in sys.stdin:
        job.write_part(int(line))
        print("done", flush=True)


if __name__ == "__main__":
    main()
