"""Parts of a corpus on many workers, some of which are slow, and all of which may be killed.

What is assumed, and nothing else:

- A part takes as long as its lines; lengths of parts are log-normal around their mean.
- A share of the workers is slower than the others, by one factor.
- A free worker takes the next part. It loads the model for its first part, and after each failure.
- Failures of a worker come at random, at one rate while it works (a Poisson process). What it wrote
  of its part up to the last window is not lost: whoever is free goes on from there.
- A worker that failed comes back after some time. Disks, network and driver do not fail.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """What is simulated; times are in seconds of a worker of the usual pace.

    Attributes:
        workers: so many.
        parts: so many.
        part_time: of a part on average.
        spread: of the parts' times, the standard deviation of their logarithm.
        slow_share: of the workers.
        slow_factor: how many times as long a slow worker takes.
        failure_time: between two failures of one worker, on average.
        absence: of a worker that failed.
        load_time: of the model.
        window_time: of a window, which is the most that a failure loses.
    """

    workers: int
    parts: int
    part_time: float
    spread: float = 0.2
    slow_share: float = 0.05
    slow_factor: float = 3.0
    failure_time: float = math.inf
    absence: float = 120.0
    load_time: float = 1.0
    window_time: float = 20.0


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    Attributes:
        time: until the last part was complete, in seconds.
        shortest_time: of all work, if it could be divided at will and nothing failed.
        failures: that happened.
        repeated_time: work that was done twice, in seconds of a worker of the usual pace.
    """

    time: float
    shortest_time: float
    failures: int
    repeated_time: float

    @property
    def efficiency(self) -> float:
        """The shortest time by the time that it took."""
        return self.shortest_time / self.time


def simulate(cluster: Cluster, seed: int = 0) -> Outcome:
    """Return what becomes of a corpus; the same for the same seed."""
    generator = random.Random(seed)
    shift = cluster.spread**2 / 2  # so that the mean of the log-normal is 1
    queue = deque(
        cluster.part_time * math.exp(generator.gauss(-shift, cluster.spread))
        for _ in range(cluster.parts)
    )
    slow_count = round(cluster.slow_share * cluster.workers)
    paces = [1 / cluster.slow_factor] * slow_count + [1.0] * (cluster.workers - slow_count)
    generator.shuffle(paces)
    shortest_time = sum(queue) / sum(paces)

    is_loaded = [False] * cluster.workers
    idle = list(range(cluster.workers))
    events: list[tuple[float, int, int, float]] = []  # when, number, worker, work that is left
    now, number, remaining, failures, repeated = 0.0, 0, cluster.parts, 0, 0.0
    while remaining:
        while queue and idle:
            worker, work = idle.pop(0), queue.popleft()
            load = 0.0 if is_loaded[worker] else cluster.load_time
            is_loaded[worker] = True
            length = load + work / paces[worker]
            draw = generator.expovariate(1.0)
            failure = draw * cluster.failure_time if cluster.failure_time < math.inf else math.inf
            number += 1
            if failure >= length:
                heapq.heappush(events, (now + length, number, worker, 0.0))
                continue
            progress = max(0.0, failure - load) * paces[worker]
            stored = progress // cluster.window_time * cluster.window_time
            repeated += progress - stored
            heapq.heappush(events, (now + failure, number, worker, work - stored))
        now, _, worker, work = heapq.heappop(events)
        if work == -1.0:  # it is back
            idle.append(worker)
        elif work:
            failures += 1
            is_loaded[worker] = False
            queue.appendleft(work)
            number += 1
            heapq.heappush(events, (now + cluster.absence, number, worker, -1.0))
        else:
            remaining -= 1
            idle.append(worker)
    return Outcome(now, shortest_time, failures, repeated)
