"""The same words give the same numbers on the reference and on its PyTorch twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import clearhead
from clearhead import nn
from clearhead.errors import ConfigError
from clearhead.reference.transformer import Transformer as Reference
from tests.reference.models import configs, random_ids, random_weights, small_config


def pair(config, seed=0):
    """The layers in float64, and the reference with their weights."""
    weights = random_weights(config, seed)
    layers = nn.Transformer(config).double().eval()
    layers.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return layers, Reference(config, weights)


def texts(config, seed=0, rows=2):
    rng = np.random.default_rng(seed)
    source = random_ids(rng, config, rows, 6) if config.encoder_layers else None
    target = random_ids(rng, config, rows, 5) if config.decoder_layers else None
    return [None if ids is None else np.where(ids == config.pad_id, 3, ids)
            for ids in (source, target)]  # fmt: skip


def edited_logits(config, say, seed=0):
    """What both say with the edits that ``say`` asks for, and the reference without."""
    layers, reference = pair(config, seed)
    source, target = texts(config, seed)
    tensors = [None if ids is None else torch.from_numpy(ids) for ids in (source, target)]
    with torch.no_grad(), clearhead.intervene(layers) as edits:
        say(edits)
        theirs = layers(*tensors)
    with clearhead.intervene(reference) as edits:
        say(edits)
        ours = reference.forward(source, target)
    return ours, theirs.numpy(), reference.forward(source, target)


SELF, CROSS = "decoder.layers.1.self_attention", "decoder.layers.0.cross_attention"
WORDS = {
    "a head": lambda edits: edits[SELF].head(2).zero(),
    "heads of all attentions": lambda edits: edits["*_attention"].head([0, 3]).scale(0.5),
    "all heads": lambda edits: edits[CROSS].at(1).scale(-1.0),
    "a head's output set": lambda edits: edits[SELF].head(1).output.at([0, 2]).set(0.25),
    "queries": lambda edits: edits[CROSS].head([1, 2]).query.at(slice(2, None)).scale(2.0),
    "keys": lambda edits: edits[SELF].key.at([1, 3]).zero(),
    "values": lambda edits: edits[CROSS].head(3).value.at(4).scale(3.0),
    "keys of all heads by a function": lambda edits: edits[SELF].key.apply(lambda x: x * x),
    "edges removed": lambda edits: edits[SELF].head(0).edge([2, 4], [0, 1]).remove(),
    "a word of the source removed": lambda edits: edits["*.cross_attention"].edge(None, 2).remove(),
    "every edge of a query removed": lambda edits: edits[CROSS].edge(1, None).remove(),
    "edges at 0": lambda edits: edits[SELF].edge(slice(1, 4), 0).zero(),
    "edges of the encoder": lambda edits: edits["encoder.*_attention"].edge(0, 3).zero(),
    "a layer": lambda edits: edits["decoder.layers.0"].output.at(1).scale(0.0),
    "a layer of the encoder": lambda edits: edits["encoder.layers.1"].output.at([0, 5]).zero(),
    "an attention's output": lambda edits: edits[CROSS].output.at(slice(0, 2)).zero(),
    "a feed-forward": lambda edits: edits["encoder.layers.0.feed_forward"].output.scale(0.3),
    "a norm": lambda edits: edits["decoder.layers.1.feed_forward_norm"].output.scale(1.5),
    "by number": lambda edits: edits[3].head(1).zero(),
}  # fmt: skip


@pytest.mark.parametrize("norms", ["before", "after", "both"])
@pytest.mark.parametrize("say", WORDS.values(), ids=WORDS)
def test_words_mean_the_same(say, norms):
    config = small_config(positions="rotary", norm_place=norms, norm="rms")
    ours, theirs, plain = edited_logits(config, say)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * max(1, np.abs(theirs).max()))
    assert np.abs(ours - plain).max() > 1e-6, "the edit does something, so the test can fail"


@given(config=configs(decoder=True), data=st.data())
@settings(max_examples=20)
def test_so_it_is_in_any_kind_of_model(config, data):
    names = [f"{stack}.layers.{layer}.self_attention"
             for stack, count in (("encoder", config.encoder_layers),
                                  ("decoder", config.decoder_layers))
             for layer in range(count)]  # fmt: skip
    name = data.draw(st.sampled_from(names))
    head = data.draw(st.integers(0, config.num_heads - 1))
    query, key = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4))

    def say(edits):
        edits[name].head(head).query.at(query).scale(0.5)
        edits[name].key.at(key).scale(2.0)
        edits[name].value.at(key).zero()
        edits[name].head(head).edge(query, key).remove()
        edits[name].edge([0, query], 0).zero()
        edits[name].head(head).at(query).scale(3.0)
        edits[name].at(key).scale(0.5)
        edits[name].output.at(query).scale(1.25)
        edits[name.rpartition(".")[0]].output.at(query).scale(1.5)

    ours, theirs, _ = edited_logits(config, say)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * max(1, np.abs(theirs).max()))


def test_patches_and_means_are_the_same():
    config = small_config()
    layers, reference = pair(config)
    source, target = texts(config)
    other_source, other_target = texts(config, seed=1)
    names = ["decoder.layers.0", "encoder.layers.1.self_attention", SELF, CROSS]
    with torch.no_grad(), clearhead.record(layers, outputs=names, values=True) as recording:
        layers(torch.from_numpy(other_source), torch.from_numpy(other_target))
    trace = clearhead.Trace()
    reference.forward(other_source, other_target, trace=trace)

    def say(edits, numbers):
        edits["decoder.layers.0"].output.patch(numbers, positions=[1, 2])
        edits["encoder.layers.1.self_attention"].head(2).patch(numbers)
        edits[SELF].head([0, 1]).mean(numbers)
        edits[CROSS].value.at(3).mean(numbers)
        edits[SELF].output.at(0).mean(numbers)
        edits[CROSS].head(3).key.patch(numbers)

    with torch.no_grad(), clearhead.intervene(layers) as edits:
        say(edits, recording)
        theirs = layers(torch.from_numpy(source), torch.from_numpy(target)).numpy()
    with clearhead.intervene(reference) as edits:
        say(edits, trace)
        ours = reference.forward(source, target)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())
    assert np.abs(ours - reference.forward(source, target)).max() > 1e-6


def test_heads_that_share_a_key_are_edited_alike():
    config = small_config(num_kv_heads=2)
    ours, theirs, plain = edited_logits(
        config, lambda edits: edits[SELF].head([0, 1]).key.at(1).scale(2.0)
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())
    assert np.abs(ours - plain).max() > 1e-6
    _, reference = pair(config)
    message = r"each 2 neighbouring heads share one key and value, and the edit would tell them"
    with clearhead.intervene(reference) as edits:
        edits[SELF].head(0).key.zero()
        with pytest.raises(ConfigError, match=message):
            reference.forward(*texts(config))
