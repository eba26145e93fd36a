"""Every edit of the page is an edit in words, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

import clearhead
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.explorer.contract.edits import (
    AblateHead,
    AttentionTemperature,
    MaskToken,
    OutputTemperature,
    SetWeight,
    Steer,
    changes_of,
)
from clearhead.explorer.passes.edited_engine import edited_engine, replacements
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config

SOURCE, TARGET = [5, 6, 7, 3, 2], [1, 9, 8, 7, 6]


def set_weight(x):
    x[..., 1] = 0.75
    return x


def set_weight_and_share_the_rest(x):
    x[..., 1] = 0
    x *= ((1 - 0.75) / x.sum(axis=-1))[..., None]
    x[..., 1] = 0.75
    return x


def steer(model):
    row = model.weights["output.weight" if "output.weight" in model.weights
                        else f"{model.config.output_name}.weight"][9]  # fmt: skip
    return lambda x: x + 1.5 * row / np.linalg.norm(row)


HEAD = {"part": "cross", "layer": 1, "head": 2}
CROSS = "decoder.layers.1.cross_attention"
PAIRS = {
    "ablate_head": (
        AblateHead(**HEAD),
        lambda edits, model: edits[CROSS].head(2).zero(),
    ),
    "set_weight": (
        SetWeight(**HEAD, query=3, key=1, value=0.75),
        lambda edits, model: edits[f"{CROSS}.weights"].head(2).at(3).apply(set_weight),
    ),
    "set_weight, the rest shared": (
        SetWeight(**HEAD, query=3, key=1, value=0.75, renormalise=True),
        lambda edits, model: (
            edits[f"{CROSS}.weights"].head(2).at(3).apply(set_weight_and_share_the_rest)
        ),
    ),
    "mask_token": (
        MaskToken(position=2),
        lambda edits, model: [
            edits[name].edge(None, 2).remove()
            for name in ("encoder.*.self_attention", "*.cross_attention")
        ],
    ),
    "attention_temperature": (
        AttentionTemperature(**HEAD, value=4.0),
        lambda edits, model: edits[f"{CROSS}.scaled"].head(2).scale(0.25),
    ),
    "output_temperature": (
        OutputTemperature(value=0.5),
        lambda edits, model: edits["logits"].scale(2.0),
    ),
    "steer": (
        Steer(layer=0, token=9, value=1.5),
        lambda edits, model: edits["decoder.layers.0"].output.apply(steer(model)),
    ),
}


@pytest.fixture(scope="module")
def model():
    config = small_config(norm_place="before")
    return Transformer(config, random_weights(config))


def steps_of(engine):
    decoding = engine.begin([SOURCE])
    return [decoding.advance(np.array([token]), np.zeros(1, int))[0] for token in TARGET]


@pytest.mark.parametrize(("edit", "say"), PAIRS.values(), ids=PAIRS)
def test_an_edit_of_the_page_is_the_same_edit_in_words(model, edit, say):
    changes = changes_of([edit], model.config, model.weights)
    arrays = np.array([SOURCE]), np.array([TARGET])
    with Trace(replace=replacements(changes)) as of_page:
        model.forward(*arrays, trace=of_page)
    engine = ReferenceEngine(model)
    with clearhead.intervene(model) as edits:
        say(edits, model)
        with Trace() as of_words:
            model.forward(*arrays, trace=of_words)
        steps = steps_of(engine)
    assert of_words.paths == of_page.paths
    for step in of_page:
        np.testing.assert_array_equal(of_words[step.path].value, step.value, err_msg=step.path)
    np.testing.assert_array_equal(steps, steps_of(edited_engine(engine, changes)))
    assert np.abs(steps - np.array(steps_of(engine))).max() > 1e-6
