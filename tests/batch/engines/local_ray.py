"""A Ray of this machine alone, as small as it gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def paths():
    """Return where a process of another kind finds the package and its tests."""
    places = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, places))


@pytest.fixture(scope="module")
def local_ray():
    """The module ray, with two workers' room on this machine."""
    ray = pytest.importorskip("ray", reason="pip install ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    for attempt in range(3):
        try:
            ray.init(
                address="local",
                num_cpus=2,
                include_dashboard=False,
                log_to_driver=False,
                object_store_memory=100 << 20,
                runtime_env={"env_vars": {"PYTHONPATH": paths()}},
            )
            break
        except Exception as error:  # it gives its processes half a minute, whatever else goes on
            ray.shutdown()
            if attempt == 2 or "timed out during startup" not in str(error):
                raise
    yield ray
    ray.shutdown()
