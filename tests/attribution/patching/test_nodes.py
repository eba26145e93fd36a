"""Nodes by attribution patching."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.attribution.patching.nodes import attribute_nodes, node_modules  # noqa: E402
from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.interventions.intervene import intervene  # noqa: E402
from tests.attribution.models import TARGET, double, inputs, linear_model  # noqa: E402

CLEAN, CORRUPTED = torch.tensor([[3, 1, 4, 1]]), torch.tensor([[3, 9, 4, 2]])


def test_on_a_linear_model_it_is_patching_itself():
    model, target = linear_model(), Target(5, 7)
    scores = attribute_nodes(model, CLEAN, CORRUPTED, target)
    assert scores.axes["node"] == (
        "embed",
        "layers.0.attention",
        "layers.0.feed_forward",
        "layers.1.attention",
        "layers.1.feed_forward",
    )
    with torch.no_grad():
        clean, corrupted = (float(target(model(ids))) for ids in (CLEAN, CORRUPTED))
        assert scores.at(node="embed").sum() == pytest.approx(clean - corrupted, abs=1e-12)
        output = model.layers[0](model.embed(CLEAN)) - model.embed(CLEAN)
        output = output - model.layers[0].attention(model.embed(CLEAN))
        with intervene(model) as edits:
            edits["layers.0.feed_forward"].output.at(2).set(output[:, 2:3])
            patched = float(target(model(CORRUPTED)))
    score = scores.at(node="layers.0.feed_forward", position=2)
    assert score == pytest.approx(patched - corrupted, abs=1e-12)


def test_the_nodes_of_families():
    assert list(node_modules(double("t5"), inputs("t5"))[0].values()) == [
        "decoder.embed_tokens",
        "decoder.block.0.layer.0.SelfAttention",
        "decoder.block.0.layer.1.EncDecAttention",
        "decoder.block.0.layer.2.DenseReluDense",
        "decoder.block.1.layer.0.SelfAttention",
        "decoder.block.1.layer.1.EncDecAttention",
        "decoder.block.1.layer.2.DenseReluDense",
    ]
    modules, notes = node_modules(double("gemma2"), inputs("gemma2"))
    assert list(modules.items())[:2] == [
        ("model.embed_tokens", "model.embed_tokens"),
        ("model.layers.0.self_attn", "model.layers.0.post_attention_layernorm"),
    ]
    assert not notes


def test_modules_by_name():
    model, pair = double("t5"), (inputs("t5"), inputs("t5", seed=9))
    name = "encoder.block.0.layer.0.SelfAttention"
    scores = attribute_nodes(model, *pair, TARGET, modules=[name])
    assert scores.values.shape == (1, 7)
    assert scores.values.any()
    with pytest.raises(ConfigError, match=r"'encoder.dropout' was called 2 times in one run"):
        attribute_nodes(model, *pair, TARGET, modules=["encoder.dropout"])
