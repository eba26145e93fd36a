"""Edges by attribution patching: the edges into a reader are all that it reads."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.attribution.patching.edges import attribute_edges  # noqa: E402
from clearhead.attribution.taps import Tap, gradients, on_inputs  # noqa: E402
from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from tests.attribution.models import TARGET, TorchDecoder, double, inputs, linear_model  # noqa: E402

CLEAN, CORRUPTED = torch.tensor([[3, 1, 4, 1]]), torch.tensor([[3, 9, 4, 2]])
READERS = {
    "gpt2": {
        "transformer.h.0.ln_1": "transformer.h.0.attn head",
        "transformer.h.1.ln_1": "transformer.h.1.attn head",
        "transformer.h.1.ln_2": "transformer.h.1.mlp",
        "transformer.ln_f": "logits",
    },
    "gemma2": {
        "model.layers.1.input_layernorm": "model.layers.1.self_attn head",
        "model.norm": "logits",
    },
    "t5": {
        "decoder.block.0.layer.0.layer_norm": "decoder.block.0.layer.0.SelfAttention head",
        "decoder.block.1.layer.1.layer_norm": "decoder.block.1.layer.1.EncDecAttention head",
        "decoder.final_layer_norm": "logits",
    },
}


@pytest.mark.parametrize("family", READERS)
@pytest.mark.parametrize("at", ["clean", "corrupted"])
def test_edges_into_a_reader_are_a_partition_of_what_it_reads(family, at):
    model = double(family)
    pair = {"clean": inputs(family), "corrupted": inputs(family, seed=9)}
    edges = attribute_edges(model, *pair.values(), TARGET, at=at)
    taps = {side: {name: Tap() for name in READERS[family]} for side in pair}
    for side, ids in pair.items():
        with on_inputs(model, taps[side]):
            value = TARGET(model(**ids))
            if side == at:
                grads = gradients(value, [tap.edges[0] for tap in taps[side].values()])
    for (module, reader), gradient in zip(READERS[family].items(), grads, strict=True):
        change = taps["clean"][module].values[0] - taps["corrupted"][module].values[0]
        columns = [n for n in edges.axes["reader"] if n == reader or n.startswith(f"{reader} ")]
        total = sum(np.nansum(edges.at(reader=name)) for name in columns)
        assert total == pytest.approx(float((change * gradient).sum()), abs=2e-6), module


def test_on_a_linear_model_the_edges_to_the_logits_are_the_whole_difference():
    model, target = linear_model(), Target(5, 7)
    edges = attribute_edges(model, CLEAN, CORRUPTED, target)
    with torch.no_grad():
        difference = float(target(model(CLEAN)) - target(model(CORRUPTED)))
    assert np.nansum(edges.at(reader="logits")) == pytest.approx(difference, abs=1e-12)
    # What a source passes to all its readers is what the metric would change by, were it patched.
    assert np.nansum(edges.at(source="embed")) == pytest.approx(difference, abs=1e-12)
    for steps in (1, 3):
        other = attribute_edges(model, CLEAN, CORRUPTED, target, steps=steps)
        np.testing.assert_allclose(other.values, edges.values, atol=1e-12)


def test_frozen_weights_and_pytorchs_own_layers():
    torch.manual_seed(0)
    model = TorchDecoder().double().eval()
    pair = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]]), torch.tensor([[3, 9, 4, 2], [5, 1, 2, 7]])
    edges = attribute_edges(model, *pair, Target(5))
    assert "stack.layers.1.self_attn head 1" in edges.axes["source"]
    assert "stack.layers.1.self_attn head 1 key" in edges.axes["reader"]
    with torch.no_grad():
        frozen = attribute_edges(model.requires_grad_(False), *pair, Target(5))
    np.testing.assert_allclose(frozen.values, edges.values, atol=1e-12)


def test_edges_point_forward():
    edges = attribute_edges(linear_model(), CLEAN, CORRUPTED, Target(5))
    assert edges.axes["source"][:3] == (
        "embed",
        "layers.0.attention head 0",
        "layers.0.attention head 1",
    )
    into = edges.at(reader="layers.0.feed_forward")
    assert np.isfinite(into).tolist() == [True, True, True] + [False] * 4
    # Its weights are even whatever it reads, so nothing passes through queries and keys.
    queries = [name for name in edges.axes["reader"] if name.endswith(("query", "key"))]
    assert not any(np.nansum(np.abs(edges.at(reader=name))) for name in queries)


def test_one_step_is_the_gradient_of_the_clean_run():
    model, pair = double("gpt2"), (inputs("gpt2"), inputs("gpt2", seed=9))
    clean = attribute_edges(model, *pair, TARGET)
    np.testing.assert_allclose(
        attribute_edges(model, *pair, TARGET, steps=1).values, clean.values, atol=1e-9
    )
    # The edges to the logits go towards the true difference as the way is cut finer.
    with torch.no_grad():
        truth = float(TARGET(model(**pair[0])) - TARGET(model(**pair[1])))
    errors = [
        abs(
            np.nansum(attribute_edges(model, *pair, TARGET, steps=n).at(source="transformer.wte"))
            - truth
        )
        for n in (1, 12)
    ]
    assert errors[1] < errors[0]


@pytest.mark.gpu
def test_a_device_gives_the_same():
    model, pair = double("gpt2"), (inputs("gpt2"), inputs("gpt2", seed=9))
    truth = attribute_edges(model, *pair, TARGET)
    on_device = [{name: x.cuda() for name, x in ids.items()} for ids in pair]
    edges = attribute_edges(copy.deepcopy(model).cuda(), *on_device, TARGET)
    np.testing.assert_allclose(edges.values, truth.values, atol=1e-6)


def test_what_is_refused():
    with pytest.raises(ConfigError, match="MarianMTModel normalises its stream itself"):
        attribute_edges(double("marian"), inputs("marian"), inputs("marian", 9), TARGET)
    with pytest.raises(ConfigError, match="at least one step; got 0"):
        attribute_edges(linear_model(), CLEAN, CORRUPTED, Target(5), steps=0)
