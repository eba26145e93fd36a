from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import clearhead
from clearhead.config import TransformerConfig
from clearhead.errors import CheckpointError, TextError, TraceError
from clearhead.reference.weights import expected_shapes
from clearhead.text.tokenizer import Tokenizer
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.walkthrough import likeliest_tokens, walk_through

TEXT = "I love tea."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer.train([TEXT, "J'aime le thé."] * 20, 290)
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size, d_model=16, num_heads=2, encoder_layers=1,
        decoder_layers=1, feed_forward_dim=16, max_length=24,
    )  # fmt: skip
    rng = np.random.default_rng(3)
    weights = {
        name: (rng.normal(size=size) * 0.3).astype(np.float32)
        for name, size in expected_shapes(config).items()
    }
    save_file(weights, folder / "model.safetensors")
    tokenizer.save(folder / "tokenizer.json")
    content = {"format": 1, "model": config.to_dict()}
    (folder / "config.json").write_text(json.dumps(content), "utf-8")
    return folder


def test_the_whole_pass_is_recorded_in_float64_from_tokens_to_probabilities(model):
    trace = clearhead.trace(TEXT, model=model)
    assert trace.paths[0] == "encoder.tokens"
    assert trace.paths[-1] == "probabilities"
    assert all(step.value.dtype == np.float64 for step in trace if step.value.dtype.kind == "f")
    for stack in ("encoder", "decoder"):
        assert f"{stack}.layers.0.self_attention.weights" in trace
    np.testing.assert_allclose(trace["probabilities"].value.sum(-1), 1)


def test_the_traced_translation_is_one_that_the_reference_finds(model):
    checkpoint = read_checkpoint(model)
    engine = checkpoint.engine(np.float64)
    walkthrough = walk_through(TEXT, checkpoint, engine)
    assert walkthrough.read == TEXT
    assert walkthrough.source[-1] == checkpoint.config.end_id
    assert checkpoint.tokenizer.decode(walkthrough.source) == TEXT
    assert walkthrough.target[0] == checkpoint.config.start_id
    assert len(walkthrough.target) <= checkpoint.config.max_length
    assert walkthrough.translation == checkpoint.tokenizer.decode(walkthrough.target)
    trace = clearhead.trace(TEXT, model=model)
    assert trace["decoder.tokens"].value.tolist() == [list(walkthrough.target)]


def test_token_by_token_an_engine_says_what_the_pass_says(model):
    checkpoint = read_checkpoint(model)
    engine = checkpoint.engine(np.float64)
    walkthrough = walk_through("tea", checkpoint, engine, target="le thé")
    whole_pass = np.log(walkthrough.trace(keep="probabilities")["probabilities"].value[0])
    np.testing.assert_allclose(walkthrough.token_by_token(engine), whole_pass, atol=1e-12)


def test_the_likeliest_tokens_have_names_and_equal_ones_come_by_their_ids():
    probabilities = np.array([0.1, 0.2, 0.05, 0.2, 0.05, 0.4])
    likeliest = likeliest_tokens(probabilities, 2, vocab_size=5, count=3)
    assert likeliest.tokens == (1, 3, 0)
    assert likeliest.probabilities == (0.2, 0.2, 0.1)
    assert (likeliest.target_token, likeliest.target_probability) == (2, 0.05)
    assert likeliest.target_rank == 4
    assert likeliest_tokens(probabilities, 1, vocab_size=5).tokens == (1, 3, 0, 2, 4)


def test_it_is_the_translation_that_the_translator_gives(model):
    trace = clearhead.trace(TEXT, model=model)
    tokenizer = read_checkpoint(model).tokenizer
    pieces = tokenizer.pieces(trace["decoder.tokens"].value[0, 1:].tolist())
    assert list(clearhead.Translator.load(model).translate(TEXT).tokens) == pieces


def test_a_given_target_is_taken(model):
    trace = clearhead.trace(TEXT, model=model, target="le thé")
    tokenizer = read_checkpoint(model).tokenizer
    assert tokenizer.decode(trace["decoder.tokens"].value[0].tolist()) == "le thé"


def test_keep_and_replace_reach_the_pass(model):
    def first_key_alone(weights: np.ndarray) -> np.ndarray:
        return np.eye(weights.shape[-1])[[0]] * np.ones_like(weights)

    path = "decoder.layers.0.cross_attention"
    options = {"model": model, "target": "thé", "keep": (f"{path}.*", "logits")}
    plain = clearhead.trace(TEXT, **options)
    bent = clearhead.trace(TEXT, **options, replace={f"{path}.weights": first_key_alone})
    assert set(plain.paths) >= {"logits", f"{path}.contributions"}
    assert "encoder.tokens" not in plain
    np.testing.assert_allclose(
        bent[f"{path}.output"].value[0, :, 1], plain[f"{path}.value"].value[0, :, 0]
    )
    assert np.abs(bent["logits"].value - plain["logits"].value).max() > 1e-3


def test_a_replacement_that_matches_nothing_is_an_error(model):
    with pytest.raises(TraceError, match=r"No step matched the replacement 'decoder\.weihgts'"):
        clearhead.trace(TEXT, model=model, replace={"decoder.weihgts": lambda weights: weights})


def test_what_cannot_be_traced_is_said(model):
    with pytest.raises(CheckpointError, match="There is no model 'nowhere'"):
        clearhead.trace(TEXT, model="nowhere")
    with pytest.raises(TextError, match="lone surrogate"):
        clearhead.trace("\ud800", model=model)
