"""Decoding with edits, beam and cache against the edited forward pass over each hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.errors import ShapeError
from clearhead.explorer.contract.edits import (
    AblateHead,
    AttentionTemperature,
    MaskToken,
    OutputTemperature,
    SetWeight,
    changes_of,
)
from clearhead.explorer.passes.edited_engine import Editor, edited_engine, replacements
from clearhead.reference.softmax import log_softmax
from clearhead.reference.tracing.trace import OFF, Trace
from clearhead.reference.transformer import Transformer
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from tests.reference.models import configs, random_weights, small_config

SOURCE = [5, 6, 7, 3, 2]
EDITS = {
    "an encoder's head": [AblateHead(part="encoder", layer=1, head=2)],
    "a decoder's head": [AblateHead(part="decoder", layer=0, head=1)],
    "a head of cross-attention": [AblateHead(part="cross", layer=1, head=0)],
    "an encoder's weight": [
        SetWeight(part="encoder", layer=0, head=0, query=1, key=3, value=0.9)
    ],
    "a decoder's weight": [
        SetWeight(part="decoder", layer=0, head=3, query=2, key=1, value=1.0,
             renormalise=True)
    ],
    "the first weight": [
        SetWeight(part="cross", layer=0, head=1, query=0, key=4, value=0.7,
             renormalise=True)
    ],
    "a later weight of cross-attention": [
        SetWeight(part="cross", layer=1, head=1, query=3, key=0, value=1.0)
    ],
    "a masked token": [MaskToken(position=2)],
    "an encoder's temperature": [
        AttentionTemperature(part="encoder", layer=0, head=2, value=0.2)
    ],
    "a temperature of cross-attention": [
        AttentionTemperature(part="cross", layer=1, head=3, value=4.0)
    ],
    "the output's temperature": [OutputTemperature(value=2.5)],
    "several": [
        MaskToken(position=0),
        SetWeight(part="cross", layer=0, head=1, query=1, key=3, value=0.25,
             renormalise=True),
        AblateHead(part="decoder", layer=1, head=0),
        OutputTemperature(value=0.5),
    ],
}  # fmt: skip


def search_source(engine, beam_size, most=9):
    settings = SearchSettings(
        beam_size=beam_size, n_best=beam_size, max_length=most, min_length=min(5, most)
    )
    return search(engine, [SOURCE], settings)[0]


def pass_over(model, changes, tokens):
    """Log-probabilities of the plain model with replaced steps: Float["target_len vocab"]."""
    with Trace(keep=[], replace=replacements(changes)) as trace:
        logits = model.forward(np.array([SOURCE]), np.array([[1, *tokens]]), trace=trace)
    return log_softmax(logits[0])


def assert_hypotheses_are_those_of_passes(model, edits, beam_size):
    changes = changes_of(edits, model.config)
    hypotheses = search_source(edited_engine(ReferenceEngine(model), changes), beam_size)
    assert hypotheses
    for hypothesis in hypotheses:
        expected = pass_over(model, changes, hypothesis.tokens)
        predicted = [*hypothesis.tokens, 2][: len(hypothesis.token_log_probs)]
        log_probs = expected[np.arange(len(predicted)), predicted]
        np.testing.assert_allclose(hypothesis.token_log_probs, log_probs, rtol=1e-9, atol=1e-9)
    return hypotheses


@pytest.fixture(scope="module")
def model():
    config = small_config(positions="rotary", num_kv_heads=2)
    return Transformer(config, random_weights(config))


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
def test_each_hypothesis_of_an_edited_beam_has_the_log_probability_of_the_edited_pass(
    model, edits, beam_size
):
    hypotheses = assert_hypotheses_are_those_of_passes(model, edits, beam_size)
    plain = pass_over(model, {}, hypotheses[0].tokens)
    edited = pass_over(model, changes_of(edits, model.config), hypotheses[0].tokens)
    assert np.abs(plain - edited).max() > 1e-6, "the edit does something, so the test can fail"


@given(config=configs(decoder=True, encoder=True), data=st.data())
@settings(max_examples=25)
def test_so_it_is_for_any_kind_of_model(config, data):
    model = Transformer(config, random_weights(config))
    heads = st.integers(0, config.num_heads - 1)
    part = data.draw(st.sampled_from(["encoder", "decoder", "cross"]))
    layers = config.encoder_layers if part == "encoder" else config.decoder_layers
    where = {"part": part, "layer": data.draw(st.integers(0, layers - 1)), "head": data.draw(heads)}
    query = data.draw(st.integers(0, 4))
    key = data.draw(st.integers(0, query if part == "decoder" else 4))
    edits = [
        SetWeight(**where, query=query, key=key, renormalise=data.draw(st.booleans()),
             value=data.draw(st.floats(0, 1))),
        AttentionTemperature(**{**where, "head": data.draw(heads)}, value=0.5),
        MaskToken(position=data.draw(st.integers(0, 4))),
    ]  # fmt: skip
    assert_hypotheses_are_those_of_passes(model, edits, beam_size=3)


def test_token_by_token_it_is_the_edited_pass_over_all_tokens(model):
    changes = changes_of(EDITS["several"], model.config)
    target = [1, 9, 8, 7, 6, 5]
    decoding = edited_engine(ReferenceEngine(model), changes).begin([SOURCE])
    rows = [decoding.advance(np.array([token]), np.zeros(1, int))[0] for token in target]
    np.testing.assert_allclose(rows, pass_over(model, changes, target[1:]), atol=1e-10)


def test_a_whole_pass_with_an_editor_is_that_of_replacements(model):
    changes = changes_of(EDITS["several"], model.config)
    source, target = np.array([SOURCE]), np.array([[1, 9, 8, 7]])
    log_probabilities = log_softmax(model.forward(source, target, trace=Editor(changes)))[0]
    np.testing.assert_allclose(log_probabilities, pass_over(model, changes, [9, 8, 7]), atol=1e-12)


def test_an_edited_engine_shares_the_model_and_leaves_it_as_it_is(model):
    before = pass_over(model, {}, [9, 8])
    edited = edited_engine(ReferenceEngine(model), changes_of(EDITS["several"], model.config))
    search_source(edited, 4)
    assert edited.model is model
    np.testing.assert_array_equal(pass_over(model, {}, [9, 8]), before)


def test_without_changes_it_is_the_model_to_the_bit(model):
    engine = ReferenceEngine(model)
    assert search_source(edited_engine(engine, {}), 4) == search_source(engine, 4)


def test_it_decodes_one_source_at_a_time(model):
    with pytest.raises(ShapeError, match=r"one source at a time; 2 came"):
        edited_engine(ReferenceEngine(model), {}).begin([SOURCE, SOURCE])


def test_each_step_is_edited_where_its_token_stands(model):
    """The editor of a step knows its position; that of the source has none."""
    positions = []

    def note(weights, position):
        positions.append(position)
        return weights

    changes = {
        "encoder.layers.0.self_attention.weights": [note],
        "decoder.layers.0.self_attention.query": [note],
    }
    decoding = edited_engine(ReferenceEngine(model), changes).begin([SOURCE])
    for _ in range(3):
        decoding.advance(np.array([5]), np.array([0]))
    assert positions == [None, 0, 1, 2]


def test_no_step_is_edited_twice(model):
    """Attention takes the query that its layer has recorded already."""

    def double(value, position):
        value *= 2
        return value

    path = "decoder.layers.1.cross_attention.query"
    source, target = np.array([SOURCE]), np.array([[1, 9, 8]])
    with Trace(replace={path: lambda query: 2 * query}) as trace:
        expected = model.forward(source, target, trace=trace)
    edited = model.forward(source, target, trace=Editor({path: [double]}))
    np.testing.assert_allclose(edited, expected, atol=1e-12)


def test_an_editor_costs_nothing_where_nothing_is_changed():
    editor = Editor({"a.b.weights": []})
    assert editor.at("c") is OFF
    assert editor.at("a").at("b.c") is OFF
    assert isinstance(editor.at("a.b"), Editor)
    assert editor.at("a.b").asks("weights")
    assert not editor.at("a.b").asks("contributions")
    assert "a.b.weights" in repr(editor)
