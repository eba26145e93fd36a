"""Surveys on the real Ray: a data set, and a job whose workers and driver are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.batch.job.folder import Job, survey_inputs
from clearhead.batch.job.on_ray import run_on_ray
from clearhead.batch.job.plan import Plan
from clearhead.surveys import HeadStatistics, HeadSurvey
from clearhead.surveys.line_survey import LineSurvey
from tests.batch.engines.local_ray import local_ray, paths  # noqa: F401 - a fixture
from tests.batch.engines.test_on_ray import wait_for_process
from tests.batch.job.jobs import contents
from tests.surveys.surveys import Reader

TEXTS = ["hello world again", "the street was red", "", "the animal", "la rue la rue", "too tired"]
PROGRAM = """
import sys
from pathlib import Path
from clearhead.batch.job.on_ray import run_on_ray
from tests.surveys.engines.test_ray_surveys import ray_job

run_on_ray(ray_job(Path(sys.argv[1])), workers=1)
"""


def ray_job(place):
    """Return a job of three parts of some windows each; what a text shows is made up, quickly."""
    place.mkdir(exist_ok=True)
    source = place / "in.txt"
    if not source.exists():
        source.write_text("".join(f"{TEXTS[n % 6]} {n}\n" if n % 9 else "\n" for n in range(6000)))
    survey = LineSurvey(Reader(), table="parquet", picture="png")
    plan = Plan.of_lines(survey_inputs([source]), survey.settings, 2000)
    return Job(place / "out", plan, survey)


@pytest.mark.slow
def test_a_data_set_gives_the_bytes_of_its_texts(folder, local_ray):  # noqa: F811
    import ray.data

    data = ray.data.from_items([{"text": text} for text in TEXTS])
    rows = data.map_batches(
        HeadSurvey, fn_constructor_args=(folder("gpt2"),), batch_size=2, concurrency=1
    ).take_all()
    total = HeadStatistics.merge(HeadStatistics.from_bytes(row["statistics"]) for row in rows)
    expected = HeadSurvey(folder("gpt2")).accumulate([text for text in TEXTS if text])
    assert total.to_bytes() == expected.to_bytes()
    assert sum("it is empty" in row["rejects"] for row in rows) == 1


@pytest.mark.slow
def test_workers_and_the_driver_may_be_killed(tmp_path, local_ray):  # noqa: F811
    job = ray_job(tmp_path / "whole")
    job.open()
    for number in job.remaining_parts():
        job.write_part(number)
    expected = job.finish()
    assert expected["rejects"] == len(range(0, 6000, 9))
    killed = ray_job(tmp_path / "killed")
    killed.open()
    address = local_ray.get_runtime_context().gcs_address
    environment = {**os.environ, "PYTHONPATH": paths(), "RAY_ADDRESS": address}
    driver = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "killed")], env=environment
    )
    driver_workers = set()
    try:
        driver_workers.add(wait_for_process(killed.folder, set()))
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    remaining = killed.remaining_parts()
    assert remaining
    kills = []

    def kill_a_worker():
        kills.append(wait_for_process(killed.folder, driver_workers))
        os.kill(kills[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    run_on_ray(killed, workers=2)
    killer.join()
    assert kills
    assert killed.finish() == expected
    assert contents(killed.folder) == contents(job.folder)
