"""What stands between the last hidden vectors and the logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.config_parts import OutputConfig
from clearhead.reference.layers.output import Output
from clearhead.reference.tracing.trace import OFF, Trace
from tests.reference.exact_transformers import arrays, double_throughout, randomize
from tests.reference.models import random_weights, small_config

HIDDEN = np.random.default_rng(1).standard_normal((2, 3, 16))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_logits_are_scaled_shifted_and_bent(tied, bias):
    config = small_config(output=OutputConfig(tied=tied, bias=bias, scale=0.25, softcap=2.0))
    weights, trace = random_weights(config), Trace()
    ours = Output(config, weights)(HIDDEN, trace=trace, of=())
    matrix = weights["embedding.weight" if tied else "output.weight"]
    expected = np.einsum("blw,vw->blv", HIDDEN / 4, matrix)
    if bias:
        expected = expected + weights["output.bias"]
    np.testing.assert_allclose(ours, 2 * np.tanh(expected / 2), atol=1e-13)
    assert trace.paths == ["scaled_hidden", "uncapped_logits", "logits"]
    np.testing.assert_allclose(trace["uncapped_logits"].value, expected, atol=1e-13)
    assert trace["logits"].of == ("uncapped_logits",)


def test_hidden_vectors_stay_as_they_are():
    config = small_config(output=OutputConfig(scale=0.25, softcap=2.0))
    before = HIDDEN.copy()
    Output(config, random_weights(config))(HIDDEN, trace=OFF, of=())
    np.testing.assert_array_equal(HIDDEN, before)


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("activation", ["gelu", "relu", "silu"])
def test_the_transform_is_that_of_berts_head(activation):
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertLMPredictionHead

    with double_throughout():
        head = BertLMPredictionHead(
            BertConfig(hidden_size=16, vocab_size=29, hidden_act=activation, layer_norm_eps=1e-12)
        )
        randomize(head)
        theirs = head(torch.from_numpy(HIDDEN)).detach().numpy()
    state = arrays(head)
    config = small_config(
        norm_epsilon=1e-12, output=OutputConfig(tied=False, bias=True, transform=activation)
    )
    names = {
        "transform.dense": "output_transform",
        "transform.LayerNorm": "output_norm",
        "decoder": "output",
    }
    weights = {
        f"{ours}.{kind}": state[f"{name}.{kind}"]
        for name, ours in names.items()
        for kind in ("weight", "bias")
    }
    trace = Trace()
    ours = Output(config, weights)(HIDDEN, trace=trace, of=())
    np.testing.assert_allclose(ours, theirs, atol=1e-11)
    assert trace.paths[:2] == ["output_transform.projected", "output_transform.output"]
    assert trace["logits"].of == ("output_norm.output",)
