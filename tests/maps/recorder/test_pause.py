"""Recorders pause in blocks, one thread at a time."""

from __future__ import annotations

import threading

import pytest
import torch

from clearhead.maps.recorder.pause import is_paused, pause_recording, recorder_work
from clearhead.maps.recorder.record import record
from tests.maps.recorder.layers import Model, X


@pytest.mark.parametrize("block", [pause_recording, recorder_work])
def test_blocks_may_be_nested_and_end_with_an_exception(block):
    def fail():
        with block():
            with block():
                assert is_paused()
            assert is_paused()
            raise ZeroDivisionError

    assert not is_paused()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert not is_paused()


def test_another_thread_is_not_paused():
    answers = []
    with pause_recording():
        thread = threading.Thread(target=lambda: answers.append(is_paused()))
        thread.start()
        thread.join()
    assert answers == [False]


def test_the_work_of_a_recorder_needs_no_gradients_and_a_pause_changes_none():
    with pause_recording():
        assert torch.is_grad_enabled()
    with recorder_work():
        assert not torch.is_grad_enabled()


def test_what_runs_in_a_pause_is_not_recorded():
    model = Model(1)
    with record(model) as recording:
        with pause_recording():
            model(X)
        model(X[:, :3])
    assert [one.shape for one in recording.calls(0)] == [(2, 2, 3, 3)]
