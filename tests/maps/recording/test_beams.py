"""Beams that a window does not tell apart: another attention of the same passes does."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.errors import TraceError
from clearhead.maps.recorder.record import record
from clearhead.maps.recording.reading import load_recording
from tests.maps.attending import dense

torch.manual_seed(0)
# Two rows that have the same keys from the third token on, in the layer with a window.
ALIKE = torch.randn(2, 1, 5, 4)
ALIKE[1, :, 2:] = ALIKE[0, :, 2:]
APART = torch.randn(2, 1, 5, 4)
CAUSAL = torch.ones(5, 5).tril().bool()


class Layer(nn.Module):
    def forward(self, query, key, mask=None):
        return sdpa(query, key, key, attn_mask=mask)


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.window, self.full = Layer(), Layer()

    def forward(self, order, *, full=True):
        """Four tokens, and then a fifth whose rows continue other rows."""
        self.window(ALIKE[:, :, :4], ALIKE[:, :, :4], CAUSAL[:4, :4])
        if full:
            self.full(APART[:, :, :4], APART[:, :, :4], CAUSAL[:4, :4])
        self.window(ALIKE[:, :, 4:], torch.cat([ALIKE[order, :, 2:4], ALIKE[:, :, 4:]], 2))
        if full:
            self.full(APART[:, :, 4:], torch.cat([APART[order, :, :4], APART[:, :, 4:]], 2))


@pytest.mark.parametrize("order", [[1, 0], [1, 1]])
def test_a_window_follows_the_layer_that_has_all_keys(order, tmp_path):
    model = Layers()
    with record(model) as recording:
        model(order)
    assert not recording._contents.calls["window"][0].lineage.is_reordered
    for layer, x, window in (("window", ALIKE, 3), ("full", APART, 5)):
        x = torch.cat([x[order, :, :4], x[:, :, 4:]], 2)
        mask = CAUSAL.clone()
        mask[4, : 5 - window] = False
        expected = dense(x, x, mask=mask)
        torch.testing.assert_close(recording[layer].dense().double(), expected, rtol=0, atol=3e-6)
    again = load_recording(recording.save(tmp_path / "one.safetensors"))
    assert torch.equal(again["window"].dense(), recording["window"].dense())


def test_nothing_tells_them_apart():
    model = Layers()
    with record(model) as recording:
        model([1, 0])
    # As if the other layer had had a window, too.
    recording._contents.calls["full"][0].lineage.uncertain = True
    with pytest.raises(TraceError, match=r"'window' changed places.*recording.generation\(prompt"):
        recording["window"]


def test_a_window_alone_is_of_rows_that_stay():
    model = Layers()
    with record(model) as recording:
        model([0, 1], full=False)
    assert recording["window"].shape == (2, 1, 5, 5)
