"""What a recording says of itself as a whole."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from clearhead.maps.recorder.record import record
from tests.maps.attending import Calls, recorded


def test_a_recording_that_saw_no_operator_says_where_to_call_it():
    model, x = nn.Linear(2, 2), torch.ones(1, 2)
    with record(model) as recording:
        thread = threading.Thread(target=model, args=(x,))
        thread.start()
        thread.join()
    (note,) = recording.notes
    assert note.startswith("no operator was seen in this thread")
    assert "call record() there" in note
    assert note in str(recording)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_a_model_without_attention_has_no_note(mode):
    model = nn.Linear(2, 2)
    with mode():
        assert recorded(model, lambda: model(torch.ones(1, 2))).notes == []


def test_strangers_are_counted_by_class():
    other = nn.TransformerEncoderLayer(4, 2, 4, batch_first=True)

    class Trained(Calls):
        def step(self, x):
            return [other(x) for _ in range(3)]

    model = Trained(lambda x: x)
    recording = recorded(model, lambda: model.step(torch.randn(1, 3, 4)) and None)
    assert recording.keys() == []
    assert "left out: TransformerEncoderLayer, 3 calls" in recording.notes[0]
