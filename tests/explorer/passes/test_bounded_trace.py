"""A bounded trace has every number of a whole one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import TraceError
from clearhead.explorer.contract.edits import (
    AblateHead,
    MaskToken,
    OutputTemperature,
    changes_of,
)
from clearhead.explorer.passes.bounded_trace import BoundedTrace, trace_bytes
from clearhead.explorer.passes.edited_engine import replacements
from clearhead.explorer.passes.passage import Passage
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config, wide_configs


def passage_of(config, seed=0, lengths=(5, 7)):
    rng = np.random.default_rng(seed)
    source, target = (
        tuple(rng.integers(3, config.vocab_size, length).tolist()) if layers else ()
        for length, layers in zip(
            lengths, (config.encoder_layers, config.decoder_layers), strict=True
        )
    )
    return Passage(source, target, (), (), "")


def both(config, seed=0, edits=(), most_bytes=0):
    model, passage = Transformer(config, random_weights(config, seed)), passage_of(config, seed)
    changes = changes_of(edits, config)
    whole = Trace(replace=replacements(changes))
    source, target = (np.array([ids]) if ids else None for ids in (passage.source, passage.target))
    model.forward(source, target, trace=whole)
    return whole, BoundedTrace(model, passage, changes, most_bytes=most_bytes)


def assert_same(whole, bounded):
    assert bounded.paths == whole.paths
    for step, outline in zip(whole, bounded, strict=True):
        assert (outline.shape, outline.axes, outline.formula, outline.of, outline.replaced) == (
            step.shape, step.axes, step.formula, step.of, step.replaced,
        )  # fmt: skip
        numbers = bounded[step.path].value[tuple(slice(0, size) for size in step.shape)]
        np.testing.assert_allclose(numbers, step.value, rtol=1e-12, atol=1e-13, err_msg=step.path)


@settings(max_examples=25)
@given(config=wide_configs(), seed=st.integers(0, 1000))
def test_every_number_of_any_model_is_that_of_a_whole_trace(config, seed):
    assert_same(*both(config, seed))


@pytest.mark.parametrize("sides", [(2, 2), (0, 2), (2, 0)])
def test_edits_are_in_it(sides):
    config = small_config(encoder_layers=sides[0], decoder_layers=sides[1])
    part = "encoder" if sides[0] else "decoder"
    edits = [
        AblateHead(part=part, layer=1, head=2),
        MaskToken(position=0),
        OutputTemperature(value=2.0),
    ]
    whole, bounded = both(config, edits=edits)
    assert_same(whole, bounded)
    empty = {
        step.path.removesuffix(".masked")
        for step in whole.find("*.masked")
        if np.isneginf(step.value.max(axis=-1)).any()
    }
    assert bounded.empty_rows == empty
    assert bool(empty) is (sides[0] == 0)  # the first token of a prompt sees itself alone


def test_no_more_layers_are_held_than_fit():
    config = small_config(encoder_layers=0, decoder_layers=5)
    whole, bounded = both(config)
    layer = sum(step.value.nbytes for step in whole.find("decoder.layers.0.*"))
    _, bounded = both(config, most_bytes=2 * layer)
    for number in (0, 1, 2, 3, 1):
        assert bounded[f"decoder.layers.{number}.self_attention.weights"].shape == (1, 4, 7, 7)
        assert len(bounded._layers) <= 2
    assert list(bounded._layers) == ["decoder.layers.3.", "decoder.layers.1."]
    assert bounded.nbytes < 2 * layer + sum(step.value.nbytes for step in whole) / 2


def test_logits_are_computed_for_the_positions_that_are_asked_for(monkeypatch):
    config = small_config(encoder_layers=0, decoder_layers=1)
    whole, bounded = both(config)
    asked, logits = [], Transformer.logits

    def counting(self, hidden, **options):
        asked.append(hidden.shape[1])
        return logits(self, hidden, **options)

    monkeypatch.setattr(Transformer, "logits", counting)
    window = (slice(0, 1), slice(3, 4), slice(2, 9))
    for path in ("logits", "probabilities", "logits"):
        np.testing.assert_allclose(
            bounded[path].value[window], whole[path].value[window], rtol=1e-12
        )
    assert asked == [1]
    with pytest.raises(TraceError, match=r"No recorded step is called 'decoder\.layers\.9\.input'"):
        bounded["decoder.layers.9.input"]


def test_about_how_large_a_trace_is_is_known_before():
    for config in (small_config(), small_config(encoder_layers=0, num_heads=2)):
        whole, _ = both(config)
        size = sum(step.value.nbytes for step in whole)
        assert 0.5 < trace_bytes(config, passage_of(config)) / size < 2
