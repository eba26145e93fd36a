"""Recording: what is kept, under which name, and that the model does not notice."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch.nn import functional as F

import clearhead.nn
from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError
from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.measures.per_position import Entropy
from clearhead.maps.measures.topk import TopK
from clearhead.maps.recorder.record import record
from clearhead.maps.storage.summary_map import SummaryMap
from tests.maps.attending import Calls, recorded
from tests.maps.recorder.layers import Model, X


def test_modules_are_listed_in_the_order_of_their_calls():
    model = Model()
    recording = recorded(model, lambda: model(X))
    assert recording.keys() == list(recording) == ["layers.0", "layers.1", "layers.2"]
    assert len(recording) == 3
    assert "layers.1" in recording
    assert recording[1] is recording["layers.1"]
    assert recording["layers.1"].shape == (2, 2, 5, 5)
    assert str(recording) == (
        "Recording of Model: 3 attending modules\n"
        "module    kind  heads  queries  keys  kernel\n"
        "layers.0  self      2        5     5  sdpa flash (cpu)\n"
        "layers.1  self      2        5     5  sdpa flash (cpu)\n"
        "layers.2  self      2        5     5  sdpa flash (cpu)"
    )


def test_provenance_of_a_map():
    model = Model()
    source = recorded(model, lambda: model(X))["layers.2"].source
    assert (source.model, source.module, source.kind) == ("Model", "layers.2", "self")
    assert (source.kernel, source.dropout, source.call) == ("sdpa flash (cpu)", 0.0, 0)


def test_a_repeated_pass_over_the_same_input_is_a_call_of_its_own():
    model = Model(1)
    with record(model) as recording:
        model(X)
        model(X)
    assert len(recording.calls(0)) == 2


def test_what_is_kept_is_a_copy_and_the_model_is_let_go():
    cache = torch.randn(1, 2, 4, 8)
    model = Calls(lambda: F.scaled_dot_product_attention(cache, cache, cache))
    with record(model, values=True) as recording:
        model()
    before = recording[""].dense()
    cache.zero_()
    assert torch.equal(recording[""].dense(), before)
    assert recording[""].value.abs().sum() > 0
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
    assert isinstance(recording[""], AttentionMap)


def test_values_are_kept_when_asked_for():
    model = Model(1)
    assert recorded(model, lambda: model(X))[0].value is None
    assert recorded(model, lambda: model(X), values=True)[0].value.shape == (2, 2, 5, 4)


def test_dtype_narrows_what_is_kept():
    model = Model(1)
    wide = recorded(model, lambda: model(X))
    narrow = recorded(model, lambda: model(X), dtype=torch.bfloat16, device="cpu")
    assert narrow[0].query.dtype == torch.bfloat16
    assert narrow.nbytes < wide.nbytes
    torch.testing.assert_close(narrow[0].dense(), wide[0].dense(), rtol=0, atol=0.02)


def test_summaries_keep_nothing_else():
    model = Model(2)
    whole = recorded(model, lambda: model(X))
    recording = recorded(model, lambda: model(X), summaries=["entropy", TopK(2)])
    one = recording[1]
    assert isinstance(one, SummaryMap)
    assert one.shape == (2, 2, 5, 5)
    torch.testing.assert_close(one.entropy(), whole[1].entropy())
    torch.testing.assert_close(one.measure(TopK(2))[TopK(2)].values, whole[1].topk(2).values)
    assert set(one.measure()) == {Entropy(), TopK(2)}
    assert recording.nbytes == 0
    with pytest.raises(ConfigError, match=r"Received\(\) of 'layers.1' was not measured"):
        one.received()
    with pytest.raises(AttributeError, match="keeps measures and no 'dense'"):
        one.dense()
    with pytest.raises(ConfigError, match="no measure 'entropie'"):
        recorded(model, lambda: model(X), summaries=["entropie"])


# Our own layers


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("positions", ["rotary", "relative", "alibi"])
@pytest.mark.parametrize("autocast", [True, False])
def test_our_own_transformer(training, positions, autocast):
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=30, d_model=16, num_heads=4, num_kv_heads=2, encoder_layers=1,
        decoder_layers=1, feed_forward_dim=16, positions=positions,
    )  # fmt: skip
    model = clearhead.nn.Transformer(config).train(training)
    source = torch.tensor([[5, 6, 7, 2], [8, 2, 0, 0]])
    target = torch.tensor([[1, 9, 9], [1, 9, 0]])

    def run():
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return model(source, target)

    recording = recorded(model, run)
    assert {name: (one.source.kind, one.shape) for name, one in recording.items()} == {
        "encoder.layers.0.self_attention": ("self", (2, 4, 4, 4)),
        "decoder.layers.0.self_attention": ("self", (2, 4, 3, 3)),
        "decoder.layers.0.cross_attention": ("cross", (2, 4, 3, 4)),
    }
    cross = recording["decoder.layers.0.cross_attention"]
    assert torch.equal(cross[1, :, :, 2:], torch.zeros(4, 3, 2))
    torch.testing.assert_close(cross.dense().sum(-1), torch.ones(2, 4, 3))


def test_our_own_drop_in_with_weights_beside_the_fused_output_is_one_call():
    torch.manual_seed(0)
    layer = clearhead.nn.MultiheadAttention(8, 2, batch_first=True)
    outputs = {}

    def run():
        output, outputs["weights"] = layer(X, X, X, average_attn_weights=False)
        return output

    one = recorded(layer, run)[""]
    torch.testing.assert_close(one.dense(), outputs["weights"], rtol=0, atol=3e-6)


def test_flex_attention_that_is_hidden_in_a_compiled_kernel_is_said():
    class Config:
        _attn_implementation = "flex_attention"

    model = Calls(lambda: torch.ones(1))
    model.config = Config()
    assert "note: no attention was seen" in str(recorded(model, model))
