"""Plain runs: what the parts of a model compute."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.runs import (  # noqa: E402
    check_positions,
    heads_of,
    outputs_of,
    visible_edges,
)
from tests.attribution.models import linear_model  # noqa: E402
from tests.sweeps.by_hand import PROJECTIONS, double, inputs, seen  # noqa: E402

IDS = torch.tensor([[3, 1, 4, 1, 5]])


def test_heads_are_what_the_projection_reads():
    named = inputs("llama")
    heads, output = heads_of(double("llama"), named)
    projection = PROJECTIONS["llama"].format(1)
    truth = seen(double("llama"), named, [projection], [])[projection]
    z = heads["model.layers.1.self_attn"]
    assert z.shape == (1, 4, 7, 8)
    torch.testing.assert_close(z.transpose(1, 2).flatten(2), truth)
    assert output.logits.shape == (1, 7, 64)


def test_outputs_of_modules():
    model = linear_model()
    outputs, logits = outputs_of(model, IDS, ["layers.0", "unembed"])
    assert outputs["layers.0"].shape == (1, 5, 8)
    assert torch.equal(outputs["unembed"], logits)
    check_positions(model, outputs)
    with pytest.raises(ConfigError, match="second axis is not known to be positions"):
        check_positions(model, {"layers.0": torch.zeros(1, 5, 8, 8)})


class Sums(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sum = nn.Flatten(0)

    def forward(self, x):
        return self.sum(x)


def test_an_output_without_an_axis_of_positions():
    with pytest.raises(ConfigError, match=r"'sum' returns the shape \[6\]"):
        outputs_of(Sums(), torch.ones(2, 3), ["sum"])


def test_edges_that_anything_passes_over():
    edges, notes = visible_edges(linear_model(), IDS)
    assert list(edges) == ["layers.0.attention", "layers.1.attention"]
    assert edges["layers.1.attention"].tolist() == torch.ones(5, 5).tril().bool().tolist()
    assert notes == []
    with pytest.raises(ConfigError, match="no attention was read"):
        visible_edges(Sums(), torch.ones(2, 3))
