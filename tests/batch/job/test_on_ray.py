"""What a worker of Ray does, without Ray; tests/batch/engines has the real one."""

from __future__ import annotations

import importlib.util
import pickle

import pytest

from clearhead.batch.job import on_ray
from clearhead.errors import ConfigError, MissingExtraError
from tests.batch.job.jobs import output, small_job


def test_a_worker_loads_a_model_once_and_writes_to_each_jobs_own_folder(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(on_ray, "_WORKS", {})
    jobs = [small_job(folder, tmp_path / name, count=2) for name in "ab"]
    assert jobs[0].plan.digest == jobs[1].plan.digest
    for job in jobs:
        job.open()
        for number in (1, 2):
            copy = pickle.loads(pickle.dumps(job))  # as Ray hands it to a worker
            assert on_ray.write_part(copy, number)["part"] == number
        assert job.remaining_parts() == []
    assert output(jobs[0].folder) == output(jobs[1].folder) != b""
    (translator,) = on_ray._WORKS.values()
    assert "_reference" not in translator.translator.__dict__  # it is loaded


class SlowRay:
    """A Ray whose processes need too long to start, some times."""

    def __init__(self, failures, words="The current node timed out during startup."):
        self.failures, self.words, self.calls = failures, words, []

    def init(self, **options):
        self.calls.append("init")
        if self.failures:
            self.failures -= 1
            raise RuntimeError(self.words)

    def shutdown(self):
        self.calls.append("shutdown")


def test_a_ray_that_is_slow_to_start_is_tried_again(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    slow = SlowRay(2)
    on_ray._start(slow, 1)
    assert slow.calls == ["init", "shutdown", "init", "shutdown", "init"]
    for ray, count in [(SlowRay(3), 3), (SlowRay(1, "no such address"), 1)]:
        with pytest.raises(ConfigError, match=r"Ray did not start on this machine: .*--resume"):
            on_ray._start(ray, 1)
        assert ray.calls.count("init") == count


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_says_how_to_get_it(folder, tmp_path):
    job = small_job(folder, tmp_path / "a")
    with pytest.raises(MissingExtraError, match=r'--engine ray needs .*"clearhead\[ray\]"'):
        on_ray.run_on_ray(job)
