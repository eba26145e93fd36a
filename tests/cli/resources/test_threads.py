"""Threads of BLAS are set before NumPy reads them, and never against the environment's word."""

from __future__ import annotations

import os

import pytest

from clearhead.cli.resources.threads import one_blas_thread, processors


def test_one_blas_thread_leaves_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    one_blas_thread()
    values = [os.environ.pop(f"{name}_NUM_THREADS") for name in ("OMP", "OPENBLAS", "MKL")]
    assert values == ["3", "1", "1"]


def test_processors_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    assert processors() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1
