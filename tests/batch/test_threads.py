"""One thread for each worker, while it works and no longer."""

from __future__ import annotations

import contextlib
import os

import pytest

from clearhead.batch.threads import one_thread

threadpoolctl = pytest.importorskip("threadpoolctl")


def counts():
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}


def test_libraries_and_environment_keep_to_one_thread_in_the_block(monkeypatch):
    import numpy  # noqa: F401

    torch = pytest.importorskip("torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with threadpoolctl.threadpool_limits(2):
        torch.set_num_threads(2)
        before = counts()
        assert 2 in before
        with contextlib.suppress(ZeroDivisionError), one_thread():
            assert counts() == {1}
            assert torch.get_num_threads() == 1
            assert os.environ["MKL_NUM_THREADS"] == os.environ["OMP_NUM_THREADS"] == "1"
            _ = 1 / 0
        assert counts() == before
        assert torch.get_num_threads() == 2
        assert os.environ["OMP_NUM_THREADS"] == "2"
        assert "MKL_NUM_THREADS" not in os.environ
    torch.set_num_threads(1)
