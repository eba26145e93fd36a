"""Runs the parts of a job on Ray: tasks of one core each, which Ray restarts if a worker dies."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...errors import ClearheadError, ConfigError, require
from .folder import Job
from .line_work import LineWork

_RETRIES = 3  # of a part whose worker died; a part that kills its workers is not retried for ever
_STARTS = 3  # attempts: Ray allows its own processes half a minute, even on a busy machine
_TOO_SLOW = "timed out during startup"
_PATIENCE = 60.0  # seconds to wait for a worker that lost its driver

_WORKS: dict[str, LineWork] = {}
"""This process's work on lines, with its loaded model, by task and settings."""


def run_on_ray(
    job: Job,
    *,
    workers: int | None = None,
    on_part: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Write the incomplete parts of a job, many at a time.

    Ray is started on this machine, unless it is already running in this process or RAY_ADDRESS
    names a cluster. A worker reads the inputs and writes its part itself, so the folders must be on
    a disk shared by all machines. Only the plan and the manifests are sent through Ray.

    Args:
        job: to run; its folder must have been opened.
        workers: the number of parts at a time, on one core each; None for all cores.
        on_part: called with the manifest of each completed part, in any order.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: workers died repeatedly while writing a part.
        ClearheadError, OSError: a worker raised it.
    """
    ray = require("ray", extra="ray", purpose="--engine ray")
    is_ours = not ray.is_initialized()
    if is_ours:
        _start(ray, workers)
    try:
        _run(ray, job, workers or int(ray.cluster_resources().get("CPU", 1)), on_part)
    finally:
        if is_ours:
            ray.shutdown()


def _start(ray: Any, workers: int | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    address = os.environ.get("RAY_ADDRESS")
    if address:
        options |= {"address": address}
    else:
        options |= {"address": "local", "num_cpus": workers, "include_dashboard": False}
        options |= {"object_store_memory": 100 << 20}  # bytes; it holds only manifests
    try:
        _init(ray, options, _STARTS if not address else 1)
    except Exception as error:  # Ray raises many types, even bare Exception
        place = f"at RAY_ADDRESS={address}" if address else "on this machine"
        raise ConfigError(
            f"Ray did not start {place}: {error} Start again with --resume, or look at Ray's logs."
        ) from error


def _init(ray: Any, options: dict[str, Any], attempts: int) -> None:
    try:
        ray.init(**options)
    except Exception as error:
        if attempts == 1 or _TOO_SLOW not in str(error):
            raise
        ray.shutdown()
        _init(ray, options, attempts - 1)


def _run(
    ray: Any, job: Job, workers: int, on_part: Callable[[dict[str, Any]], None] | None
) -> None:
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(write_part)
    shared_job = ray.put(job)
    waiting = job.remaining_parts()[::-1]
    running: dict[Any, int] = {}
    while waiting or running:
        # No more tasks than workers: a million waiting tasks would slow Ray down.
        while waiting and len(running) < workers:
            number = waiting.pop()
            running[task.remote(shared_job, number)] = number
        ready, _ = ray.wait(list(running), num_returns=1)
        for one in ready:
            number = running.pop(one)
            manifest = _result(ray, one, number)
            if on_part:
                on_part(manifest)


def _result(ray: Any, one: Any, number: int) -> dict[str, Any]:
    """Return the result of a task, or raise its error."""
    try:
        manifest: dict[str, Any] = ray.get(one)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ClearheadError | OSError):
            raise error.cause from None
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise ConfigError(
            f"Workers died {_RETRIES + 1} times over part {number}: they were killed, or had too "
            f"little memory. The other parts are as far as they are; start again with --resume "
            f"when the cause is away."
        ) from error
    return manifest


def write_part(job: Job, number: int) -> dict[str, Any]:
    """Write a part in a worker, reusing a model that it loaded for an earlier part."""
    key = json.dumps([job.work.task, job.work.settings], sort_keys=True)
    work = _WORKS.setdefault(key, job.work)
    return replace(job, work=work).write_part(number, patience=_PATIENCE)
