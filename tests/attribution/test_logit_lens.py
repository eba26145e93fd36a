"""What a model would say after each layer, beside the same of its twin in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from clearhead.attribution.logit_lens import logit_lens  # noqa: E402
from clearhead.attribution.target import Target, logits_of  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.lens import logit_lens as reference_lens  # noqa: E402
from tests.attribution.models import double, inputs, linear_model, own_pair  # noqa: E402


@pytest.mark.parametrize("changes", [{}, {"norm_place": "after"}, {"encoder_layers": 0}])
def test_our_models_are_read_as_the_reference_is(changes):
    layers, reference, ids = own_pair(**changes)
    arrays = {name: x.numpy() for name, x in ids.items()}
    truth = reference_lens(reference, **arrays, position=-2, row=1)
    readings = logit_lens(layers, ids, position=-2, row=1)
    assert len(readings) == len(truth) == 3
    for own, other in zip(readings, truth, strict=True):
        assert own.tokens == other.tokens
        np.testing.assert_allclose(own.probabilities, other.probabilities, atol=1e-9)
        assert own.final_rank == other.final_rank


@pytest.mark.parametrize("family", ["gpt2", "gemma2", "t5", "marian"])
def test_the_last_reading_is_what_the_model_says(family):
    model, ids = double(family), inputs(family)
    readings = logit_lens(model, ids, Target(9, 12, -2), row=1)
    with torch.no_grad():
        logits = logits_of(model(**ids))[1, -2]
    assert readings[-1].final_token == int(logits.argmax())
    assert readings[-1].final_rank == 1
    difference = float(logits[9] - logits[12])
    assert readings.target.values[-1] == pytest.approx(difference, abs=1e-5)
    assert readings.target.names == ("layers",)


def test_a_stream_that_is_read_by_hand():
    model = linear_model()
    ids = torch.tensor([[3, 1, 4]])
    readings = logit_lens(model, ids, Target(5), count=2)
    x = model.embed(ids)
    for layers, reading in enumerate(readings):
        logits = model.unembed(x)[0, -1].detach()
        assert reading.tokens == tuple(logits.topk(2).indices.tolist())
        assert readings.target.values[layers] == pytest.approx(float(logits[5]))
        if layers < 2:
            x = model.layers[layers](x)
    assert len(readings.to_dataframe()) == 3 * 2
    assert "   0 layers: rank" in str(readings)


class Unrolled(nn.Module):
    """The same layers, not in a list."""

    def __init__(self):
        super().__init__()
        self.inner = linear_model()
        self.first, self.second = self.inner.layers
        self.inner.layers = nn.Identity()

    def forward(self, input_ids):
        x = self.second(self.first(self.inner.embed(input_ids)))
        return self.inner.unembed(x)


def test_layers_that_are_in_no_list_are_refused():
    with pytest.raises(ConfigError, match="The layers of Unrolled are not told apart"):
        logit_lens(Unrolled().eval(), torch.tensor([[3, 1, 4]]))
