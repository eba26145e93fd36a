"""Models of transformers that NumPy computes: the same words there and on PyTorch's own."""

from __future__ import annotations

import numpy as np
import pytest

import clearhead
from tests.tasks import tiny_models as tiny

torch = tiny.torch
IDS = [[5, 6, 7, 8, 9]]
# Of each family: the names of an attention and of a layer, theirs and ours.
NAMES = {
    "gpt2": ("transformer.h.1.attn", "decoder.layers.1.self_attention",
             "transformer.h.0", "decoder.layers.0"),
    "bert": ("bert.encoder.layer.1.attention.self", "encoder.layers.1.self_attention",
             "bert.encoder.layer.0", "encoder.layers.0"),
}  # fmt: skip


def say(edits, attention, layer):
    edits[attention].head(1).at([1, 3]).zero()
    edits[attention].head(0).edge([2, 4], 1).remove()
    edits[attention].value.at(0).scale(0.5)
    edits[layer].output.at(2).scale(0.5)


@pytest.mark.parametrize("name", NAMES)
def test_logits_with_edits_are_those_of_transformers(name):
    folder, theirs = tiny.saved(name)
    their_attention, our_attention, their_layer, our_layer = NAMES[name]
    theirs = theirs.eval()
    with torch.no_grad(), clearhead.intervene(theirs) as edits:
        say(edits, their_attention, their_layer)
        expected = theirs(torch.tensor(IDS)).logits.numpy()
    model = clearhead.load(folder)
    plain = model.logits(IDS)
    with clearhead.intervene(model) as edits:
        say(edits, our_attention, our_layer)
        logits = model.logits(IDS)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)
    assert np.abs(logits - plain).max() > 1e-3
    np.testing.assert_array_equal(model.logits(IDS), plain)


def test_generation_with_edits_is_that_of_transformers():
    folder, theirs = tiny.saved("gpt2", seed=3, scale=0.5)
    their_attention, our_attention, their_layer, our_layer = NAMES["gpt2"]
    settings = {"max_new_tokens": 8, "do_sample": False, "num_beams": 3}

    def say_more(edits, attention, layer):
        say(edits, attention, layer)
        edits[layer].output.at([5, 8]).scale(-1.0)  # tokens that are written, one at a time

    with torch.no_grad(), clearhead.intervene(theirs.eval()) as edits:
        say_more(edits, their_attention, their_layer)
        expected = theirs.generate(torch.tensor(IDS), **settings)[0, len(IDS[0]) :].tolist()
    model = clearhead.load(folder)
    with clearhead.intervene(model) as edits:
        say_more(edits, our_attention, our_layer)
        assert [*model.generate_ids(IDS[0], **settings)] == expected
    assert [*model.generate_ids(IDS[0], **settings)] != expected
