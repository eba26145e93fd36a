"""What each edit does to its step, and the words for edits that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError, ShapeError
from clearhead.explorer.contract.edits import (
    AblateHead,
    AttentionTemperature,
    MaskToken,
    OutputTemperature,
    SetWeight,
    SwapToken,
    changes_of,
    check_edits,
    check_queries,
    edited_source,
)
from clearhead.explorer.passes.edited_engine import replacements
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config

CONFIG = small_config()
SOURCE, TARGET = np.array([[5, 6, 7, 2]]), np.array([[1, 8, 9, 3, 4]])


@pytest.fixture(scope="module")
def model():
    return Transformer(CONFIG, random_weights(CONFIG))


def trace_of(model, *edits):
    with Trace(replace=replacements(changes_of(edits, CONFIG))) as trace:
        model.forward(SOURCE, TARGET, trace=trace)
    return trace


def weight(**changes):
    return SetWeight(**{"part": "cross", "layer": 1, "head": 2, "query": 3, "key": 0,
                                 "value": 0.25} | changes)  # fmt: skip


def assert_only_changed(before, after, index):
    """Elements outside of ``index`` are those of before."""
    where = np.ones(before.shape, bool)
    where[tuple(slice(None) if place is None else place for place in index)] = False
    np.testing.assert_array_equal(after[where], before[where])


def test_an_ablated_head_puts_out_zeros_and_the_others_what_they_did(model):
    edit = AblateHead(part="encoder", layer=0, head=1)
    (path,) = edit.paths(CONFIG)
    before, after = trace_of(model)[path].value, trace_of(model, edit)[path].value
    assert path == "encoder.layers.0.self_attention.output"
    assert not after[:, 1].any()
    assert before[:, 1].any()
    assert_only_changed(before, after, edit.index())


def test_a_weight_is_set_and_the_others_stay(model):
    (path,) = weight().paths(CONFIG)
    before, after = trace_of(model)[path].value, trace_of(model, weight())[path].value
    assert path == "decoder.layers.1.cross_attention.weights"
    assert after[0, 2, 3, 0] == 0.25
    assert weight().index() == [None, 2, 3, 0]
    assert_only_changed(before, after, weight().index())


@given(value=st.floats(0, 1), key=st.integers(0, 3))
def test_a_renormalised_row_sums_to_one_and_keeps_its_proportions(value, key):
    model = Transformer(CONFIG, random_weights(CONFIG))
    edit = weight(value=value, key=key, renormalise=True)
    (path,) = edit.paths(CONFIG)
    before, after = trace_of(model)[path].value, trace_of(model, edit)[path].value
    row, old = after[0, 2, 3], np.delete(before[0, 2, 3], key)
    assert row[key] == value
    np.testing.assert_allclose(row.sum(), 1)
    np.testing.assert_allclose(np.delete(row, key), old / old.sum() * (1 - value), atol=1e-15)
    assert_only_changed(before, after, edit.index())


def test_where_no_other_key_has_weight_none_gets_any(model):
    edit = weight(part="decoder", query=0, key=0, value=0.5, renormalise=True)
    row = trace_of(model, edit)[edit.paths(CONFIG)[0]].value[0, 2, 0]
    np.testing.assert_array_equal(row, [0.5, 0, 0, 0, 0])


def test_nobody_attends_to_a_masked_token(model):
    edit = MaskToken(position=1)
    trace = trace_of(model, edit)
    assert edit.paths(CONFIG) == [
        *(f"encoder.layers.{layer}.self_attention.masked" for layer in (0, 1)),
        *(f"decoder.layers.{layer}.cross_attention.masked" for layer in (0, 1)),
    ]
    for path in edit.paths(CONFIG):
        assert (trace[path].value[..., 1] == -np.inf).all()
        weights = trace[path.replace("masked", "weights")].value
        assert not weights[..., 1].any()
        np.testing.assert_allclose(weights.sum(axis=-1), 1)


def test_scaled_scores_of_one_head_are_divided(model):
    edit = AttentionTemperature(part="decoder", layer=0, head=3, value=2.0)
    (path,) = edit.paths(CONFIG)
    before, after = trace_of(model)[path].value, trace_of(model, edit)[path].value
    np.testing.assert_array_equal(after[:, 3], before[:, 3] / 2)
    assert_only_changed(before, after, edit.index())


def test_logits_are_divided(model):
    edit = OutputTemperature(value=4.0)
    before, after = trace_of(model), trace_of(model, edit)
    np.testing.assert_array_equal(after["logits"].value, before["logits"].value / 4)
    assert after["probabilities"].value.max() < before["probabilities"].value.max()


def test_edits_of_one_step_act_in_their_order(model):
    first, then = weight(value=1.0), weight(value=0.5, renormalise=True, key=1)
    path = first.paths(CONFIG)[0]
    row = trace_of(model, first, then)[path].value[0, 2, 3]
    plain = trace_of(model)[path].value[0, 2, 3].copy()
    plain[0] = 1.0
    others = np.delete(plain, 1)
    np.testing.assert_allclose(np.delete(row, 1), others / others.sum() * 0.5)
    assert row[1] == 0.5


def test_a_swapped_token_is_another_source():
    edits = [SwapToken(position=1, token=9), MaskToken(position=0)]
    assert edited_source(edits, [5, 6, 7]) == (5, 9, 7)
    assert edits[0].paths(CONFIG) == []


@pytest.mark.parametrize(
    ("edit", "kind", "words"),
    [
        (AblateHead(part="encoder", layer=2, head=0), ConfigError,
         r"The encoder attention has 2 layers, so layer must be between 0 and 1; it is 2\."),
        (AblateHead(part="cross", layer=0, head=4), ConfigError,
         r"Each layer has 4 heads, so head must be between 0 and 3; it is 4\."),
        (MaskToken(position=4), ShapeError,
         r"mask_token: the source has 4 tokens with its end token, so position must be between "
         r"0 and 3; it is 4\."),
        (SwapToken(position=9, token=5), ShapeError, r"swap_token: .* it is 9\."),
        (SwapToken(position=0, token=29), ConfigError,
         r"id of a token between 0 and 28.*it is 29\."),
        (SwapToken(position=0, token=0), ConfigError,
         r"not that of padding \(0\), to which nothing attends; it is 0\."),
        (weight(part="encoder", query=4), ShapeError, r"set_weight: .*so query must be .* is 4\."),
        (weight(part="encoder", key=4), ShapeError, r"so key must be between 0 and 3; it is 4\."),
        (weight(key=17), ShapeError, r"so key must be between 0 and 3; it is 17\."),
        (weight(query=24), ShapeError,
         r"the decoder reads at most 24 tokens, so query must be between 0 and 23; it is 24\."),
        (weight(part="decoder", query=3, key=4), ConfigError,
         r"a query of the decoder sees no later key, so key must be between 0 and the query, 3; "
         r"it is 4\."),
    ],
)  # fmt: skip
def test_an_edit_that_does_not_fit_is_refused_with_what_would_fit(edit, kind, words):
    with pytest.raises(kind, match=words):
        check_edits([edit], CONFIG, source_len=4, tokens=29)


def test_edits_that_fit_are_taken():
    check_edits(
        [weight(), weight(part="decoder", query=3, key=3), SwapToken(position=3, token=28),
         MaskToken(position=3), OutputTemperature(value=1.0)],
        CONFIG, source_len=4, tokens=29,
    )  # fmt: skip


def test_a_query_may_lie_beyond_the_new_translation_but_not_beyond_both():
    edits = [weight(query=2), weight(query=5), weight(part="encoder", query=9)]
    assert check_queries(edits, [6, 4]) == []
    assert check_queries(edits, [5, 8]) == [1]
    with pytest.raises(ShapeError, match=r"reads 5 tokens here.* between 0 and 4; it is 5\."):
        check_queries(edits, [4, 5])
