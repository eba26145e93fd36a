"""Copying scores from the weights that a run finds, against the whole matrix of [vocab, vocab]."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.attribution.copying import copying_scores  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.lens import copying_scores as scores_of_reference  # noqa: E402
from clearhead.maps.recorder.record import record  # noqa: E402
from tests.attribution.models import TorchDecoder, double, inputs, own_pair  # noqa: E402
from tests.maps.families.comparing import lively  # noqa: E402


def array(x):
    return x.detach().double().numpy()


def dense(embedding, first, value, output, last, unembedding):
    """The formula as Elhage et al. write it: all eigenvalues of [vocab, vocab]."""
    whole = embedding @ first @ value @ output @ last @ unembedding
    eigenvalues = np.linalg.eigvals(whole - whole.mean(1, keepdims=True))
    return eigenvalues.sum().real / np.abs(eigenvalues).sum()


def layer_norm(module):
    gain = array(module.weight)
    return (np.eye(len(gain)) - 1 / len(gain)) @ np.diag(gain)


def rms_norm(module, plus=0.0):
    return np.diag(plus + array(module.weight))


def gpt_neox():
    """Queries, keys and values of each head lie side by side; sublayers are in parallel."""
    config = transformers.GPTNeoXConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64,
    )  # fmt: skip
    return lively(transformers.GPTNeoXForCausalLM(config)).double()


def heads_of_gpt2(model, layer, head):
    block = model.transformer.h[layer]
    start = 64 + 8 * head
    value = array(block.attn.c_attn.weight)[:, start : start + 8]
    output = array(block.attn.c_proj.weight)[8 * head : 8 * head + 8]
    table = array(model.transformer.wte.weight)
    last = layer_norm(model.transformer.ln_f)
    return table, layer_norm(block.ln_1), value, output, last, table.T


def heads_of_gemma2(model, layer, head):
    block = model.model.layers[layer]
    shared = head // 2
    value = array(block.self_attn.v_proj.weight)[8 * shared : 8 * shared + 8].T
    output = array(block.self_attn.o_proj.weight)[:, 8 * head : 8 * head + 8].T
    output = output @ rms_norm(block.post_attention_layernorm, 1.0)
    table, last = array(model.model.embed_tokens.weight), rms_norm(model.model.norm, 1.0)
    return table, rms_norm(block.input_layernorm, 1.0), value, output, last, table.T


def heads_of_gpt_neox(model, layer, head):
    block = model.gpt_neox.layers[layer]
    start = 24 * head + 16
    value = array(block.attention.query_key_value.weight)[start : start + 8].T
    output = array(block.attention.dense.weight)[:, 8 * head : 8 * head + 8].T
    table, unembedding = array(model.gpt_neox.embed_in.weight), array(model.lm_head.weight).T
    last = layer_norm(model.gpt_neox.final_layer_norm)
    return table, layer_norm(block.input_layernorm), value, output, last, unembedding


CASES = {
    "gpt2": (lambda: double("gpt2"), heads_of_gpt2),
    "gemma2": (lambda: double("gemma2"), heads_of_gemma2),
    "gpt_neox": (gpt_neox, heads_of_gpt_neox),
}


@pytest.mark.parametrize("family", CASES)
def test_scores_are_those_of_the_whole_matrix(family):
    make, matrices = CASES[family]
    model = make()
    copying = copying_scores(model, inputs("gpt2"))
    assert not copying.notes
    assert len(copying.scores) == 2
    for layer, scores in enumerate(copying.scores.values()):
        truth = [dense(*matrices(model, layer, head)) for head in range(4)]
        np.testing.assert_allclose(scores, truth, atol=1e-7)
        assert np.ptp(scores) > 0.1


@pytest.mark.parametrize("changes", [{}, {"encoder_layers": 0, "num_kv_heads": 2, "norm": "rms"}])
def test_a_model_of_ours_has_the_scores_of_its_reference(changes):
    model, reference, named = own_pair(**changes)
    copying, truth = copying_scores(model, named), scores_of_reference(reference)
    assert copying.scores.keys() == truth.scores.keys()
    for name, scores in copying.scores.items():
        np.testing.assert_allclose(scores, truth.scores[name], atol=1e-9)


def test_attentions_without_a_score_have_a_reason():
    copying = copying_scores(double("t5"), inputs("t5"))
    assert all("decoder" in name and "SelfAttention" in name for name in copying.scores)
    cross, encoder = copying.notes
    assert "reads what another stack returns" in cross
    assert "and 1 more has no copying score" in encoder
    assert "not added to the stream of the logits" in encoder


def test_the_table_of_heads_has_the_scores_beside_the_kinds():
    model = double("gpt2")
    copying = copying_scores(model, inputs("gpt2"))
    with torch.no_grad(), record(model) as recording:
        model(**inputs("gpt2"))
    kinds = recording.heads(ids=inputs("gpt2")["input_ids"], copying=copying)
    for row in kinds:
        assert row.copying == copying.scores[row.module][row.head]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: TorchDecoder(norm_first=False), "TorchDecoder normalises its stream after each"),
        (lambda: double("bart"), "normalises its stream after each sum"),
    ],
)
def test_where_more_than_products_lie_on_the_way_that_is_said(model, message):
    model = model().double().eval()
    named = {"input_ids": torch.arange(3, 8)[None]}
    with pytest.raises(ConfigError, match=message):
        copying_scores(model, named)
