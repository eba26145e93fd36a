"""The ends of a model's edges, and which sources each reader reads."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.attribution.patching.edge_graph import edge_graph  # noqa: E402
from clearhead.attribution.patching.edges import attribute_edges  # noqa: E402
from tests.attribution.models import TARGET, double, inputs, linear_model  # noqa: E402
from tests.maps.families.comparing import ids, lively  # noqa: E402
from tests.maps.families.models import SETTINGS  # noqa: E402


def test_readers_without_norms():
    graph = edge_graph(linear_model(), torch.tensor([[3, 1, 4]]))
    assert [(sink.names, sink.readers, sorted(sink.sources)) for sink in graph.sinks] == [
        (["layers.0.attention"], ["layers.0.attention.value"], [0]),
        (["layers.0.feed_forward"], ["layers.0.feed_forward"], [0, 1]),
        (["layers.1.attention"], ["layers.1.attention.value"], [0, 1, 2]),
        (["layers.1.feed_forward"], ["layers.1.feed_forward"], [0, 1, 2, 3]),
        (["logits"], ["unembed"], [0, 1, 2, 3, 4]),
    ]
    assert not graph.notes


def test_sublayers_side_by_side_read_the_same():
    config = transformers.GPTNeoXConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64, use_parallel_residual=True,
    )  # fmt: skip
    model = lively(transformers.GPTNeoXForCausalLM(config))
    graph = edge_graph(model, {"input_ids": ids(2, 5)})
    first = [sink for sink in graph.sinks if "gpt_neox.layers.0.mlp" in sink.names]
    assert [sorted(sink.sources) for sink in first] == [[0]]  # not its layer's attention
    assert graph.sinks[-1].names == ["logits"]


def test_a_norm_of_the_embeddings_is_one_source():
    config = transformers.MBartConfig(**SETTINGS["marian"])
    model = lively(transformers.MBartForConditionalGeneration(config))
    pair = inputs("marian"), inputs("marian", seed=9)
    graph = edge_graph(model, pair[0])
    assert graph.sources[0].name == "model.decoder.layernorm_embedding"
    assert sorted(graph.sinks[0].sources) == [0]
    edges = attribute_edges(model, *pair, TARGET)
    assert edges.at(source="model.decoder.layernorm_embedding", reader="logits") != 0


def test_heads_behind_a_norm_are_one_source():
    graph = edge_graph(double("gemma2"), inputs("gemma2"))
    assert [source.weight for source in graph.sources] == [None] * 5
    assert graph.sources[0].factor == pytest.approx(1.0)
    assert "a norm stands between its heads and the stream" in graph.notes[0]
