"""Jobs on the real Ray: the same bytes, also when workers and the driver are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clearhead.batch.job.on_ray import run_on_ray
from clearhead.batch.job.plan import Plan
from tests.batch.engines.local_ray import local_ray, paths  # noqa: F401 - a fixture
from tests.batch.job.jobs import contents, output, small_job
from tests.batch.job.test_part import small_disk

PROGRAM = """
import sys
from pathlib import Path
from clearhead.batch.job.on_ray import run_on_ray
from tests.batch.engines.test_on_ray import ray_job

run_on_ray(ray_job(Path(sys.argv[1]), Path(sys.argv[2])), workers=1)
"""
WORDS = b"the old house by river la maison".split()


def ray_job(folder, place):
    """Return a job of three parts, each of which takes some seconds."""
    place.mkdir(exist_ok=True)
    if not (place / "in.txt").exists():
        lines = [b" ".join([*WORDS[n % 7 :: 1 + n % 3], b"%d" % n]) for n in range(4500)]
        (place / "in.txt").write_bytes(b"\n".join(lines))
    job = small_job(folder, place, max_length=12)
    plan = Plan.of_lines(job.plan.surveys, job.plan.settings, 1500)
    return type(job)(job.folder, plan, job.work)


def wait_for_process(folder, others):
    """Return a process, none of the others, that has written a window and is at work on a part."""
    for _ in range(900):
        for journal in folder.glob(".part-*.journal"):
            with contextlib.suppress(FileNotFoundError, ValueError):
                entries = [json.loads(line) for line in journal.read_bytes().splitlines()]
                workers = [n for n, entry in enumerate(entries) if "process" in entry]
                process = entries[workers[-1]]["process"] if workers else None
                if process not in {None, *others} and workers[-1] < len(entries) - 1:
                    return process
        time.sleep(0.05)
    raise AssertionError("no worker is at work")


@pytest.mark.slow
def test_workers_and_the_driver_may_be_killed(folder, tmp_path, local_ray):  # noqa: F811
    job = ray_job(folder, tmp_path / "whole")
    job.open()
    for number in job.remaining_parts():
        job.write_part(number)
    expected = job.finish()
    # The driver, in the middle of a part; Ray ends its workers.
    killed = ray_job(folder, tmp_path / "killed")
    killed.open()
    address = local_ray.get_runtime_context().gcs_address
    environment = {**os.environ, "PYTHONPATH": paths(), "RAY_ADDRESS": address}
    driver = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(tmp_path / "killed")], env=environment
    )
    driver_workers = set()
    try:
        driver_workers.add(wait_for_process(killed.folder, set()))
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    remaining = killed.remaining_parts()
    assert remaining
    # Goes on with two workers, and one of them is killed, too.
    parts = []
    kills = []

    def kill_a_worker():
        kills.append(wait_for_process(killed.folder, driver_workers))
        os.kill(kills[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    run_on_ray(killed, workers=2, on_part=lambda manifest: parts.append(manifest["part"]))
    killer.join()
    assert kills
    assert sorted(parts) == remaining
    assert killed.finish() == expected
    assert output(killed.folder) == output(job.folder)
    assert contents(killed.folder) == contents(job.folder)


@pytest.mark.slow
def test_what_a_worker_refuses_is_told_by_the_driver(folder, tmp_path, local_ray):  # noqa: F811
    job = ray_job(folder, tmp_path / "changed")
    job.open()
    source = Path(job.plan.surveys[0].path)
    source.write_bytes(b"the house\n" * 4500)
    with pytest.raises(ValueError, match=r"was changed while part 1 was translated") as error:
        run_on_ray(job, workers=1)
    assert type(error.value).__name__ == "CorpusError"


@pytest.mark.slow
def test_a_full_disk_is_told_by_the_driver_and_with_room_it_goes_on(
    folder,
    tmp_path,
    local_ray,  # noqa: F811
):
    with small_disk(tmp_path / "disk"):
        whole = small_job(folder, tmp_path / "whole")
        job = type(whole)(tmp_path / "disk" / "out", whole.plan, whole.work)
        for each in (whole, job):
            each.open()
        filler = tmp_path / "disk" / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 512)
        with pytest.raises(OSError, match="No space left") as error:
            run_on_ray(job, workers=1)
        assert str(job.folder) in error.value.filename
        assert job.remaining_parts() == [1]
        filler.unlink()
        run_on_ray(job, workers=1)
        whole.write_part(1)
        assert job.finish() == whole.finish()
        assert contents(job.folder) == contents(whole.folder)
