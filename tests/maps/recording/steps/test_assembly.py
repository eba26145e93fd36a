"""One map of all steps, along the rows that a sequence came from."""

from __future__ import annotations

import torch

from clearhead.maps.recorder.record import record
from clearhead.maps.recording.steps.assembly import assembled
from tests.maps.attending import dense
from tests.maps.recording.test_growing_call import CAUSAL, Attend, K, Q, V

KEY = K[:, :, :5].clone()


def call():
    """Two rows that change places after three tokens, and again after four."""
    model = Attend()
    with record(model, values=True, tokenizer=lambda ids: [str(one) for one in ids]) as recording:
        model(Q[:, :, :3], KEY[:, :, :3], V[:, :, :3], CAUSAL[:3, :3])
        second = torch.cat([KEY[[1, 0], :, :3], KEY[:, :, 3:4]], 2)
        model(Q[:, :, 3:4], second, V[:, :, :4])
        model(Q[:, :, 4:5], torch.cat([second[[1, 0]], KEY[:, :, 4:5]], 2), V[:, :, :5])
    (one,) = recording._contents.calls[""]
    one.labels["query"] = [[f"{row}{place}" for place in range(5)] for row in "ab"]
    return one


def test_a_path_that_ended_early_attends_to_nothing_behind_its_end():
    one = assembled(call(), torch.tensor([[1, 0, 1], [0, 1, 1]]), [5, 4])
    rows = [[1, 1, 1, 0, 1], [0, 0, 0, 1, 1]]
    query, key = (
        torch.stack([x[row, :, range(5)].transpose(0, 1) for row in rows]) for x in (Q, KEY)
    )
    expected = dense(query, key, mask=CAUSAL[:5, :5])
    expected[1, :, 4] = 0
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)
    assert one.query_labels == (("b0", "b1", "b2", "a3", "b4"), ("a0", "a1", "a2", "b3", "b4"))


def test_the_first_steps_alone():
    one = assembled(call(), torch.tensor([[1, 0]]), [4])
    assert one.shape == (1, 2, 4, 4)
    query, key = (torch.cat([x[1:, :, :3], x[:1, :, 3:4]], 2) for x in (Q, KEY))
    expected = dense(query, key, mask=CAUSAL[:4, :4])
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)


def test_rows_of_the_last_step_by_default():
    of_paths = assembled(call(), torch.tensor([[0, 1, 0], [1, 0, 1]]), [5, 5])
    assert torch.equal(assembled(call()).dense(), of_paths.dense())
