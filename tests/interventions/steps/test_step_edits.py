"""Edits of our own models: whole passes, decoding with a cache, what is refused, what stays."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clearhead
from clearhead.engine.cache import KeyValueCache
from clearhead.engine.products import INDEPENDENT_ROWS
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.errors import ConfigError, TraceError
from clearhead.reference.softmax import log_softmax
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import configs, random_weights, small_config

SOURCE, TARGET = [5, 6, 7, 3, 2], [1, 4, 3, 7, 6, 5]
SELF, CROSS = "decoder.layers.1.self_attention", "decoder.layers.0.cross_attention"


def made(config):
    return Transformer(config, random_weights(config), products=INDEPENDENT_ROWS)


@pytest.fixture(scope="module")
def model():
    return made(small_config(positions="rotary", num_kv_heads=2))


def forward(model, **options):
    if not model.config.encoder_layers:
        return log_softmax(model.forward(None, np.array([TARGET]), **options)[0])
    return log_softmax(model.forward(np.array([SOURCE]), np.array([TARGET]), **options)[0])


def token_by_token(model, prompt=0):
    """What decoding with a cache says behind each token that follows a prompt."""
    first = SOURCE if model.config.encoder_layers else TARGET[:prompt]
    decoding = ReferenceEngine(model).begin([first])
    return np.array([decoding.advance(np.array([token]), np.zeros(1, int))[0]
                     for token in TARGET[prompt:]])  # fmt: skip


def edited(model, say):
    """What a model says with the edits that ``say`` asks for."""
    with clearhead.intervene(model) as edits:
        say(edits)
        return forward(model)


WORDS = {
    "a head": lambda edits: edits[SELF].head(2).at(3).zero(),
    "queries": lambda edits: edits[CROSS].head([1, 2]).query.at(slice(2, None)).scale(2.0),
    "keys": lambda edits: edits[SELF].key.at([1, 3]).scale(-1.0),
    "values": lambda edits: edits[SELF].value.at(0).zero(),
    "values of the source": lambda edits: edits[CROSS].value.at(4).scale(3.0),
    "edges removed": lambda edits: edits[SELF].head(0).edge([2, 4], [0, 1]).remove(),
    "edges to the source": lambda edits: edits["*.cross_attention"].edge(3, 2).remove(),
    "edges at 0": lambda edits: edits[SELF].edge(slice(1, 4), 0).zero(),
    "a layer": lambda edits: edits["decoder.layers.0"].output.at(1).scale(0.5),
    "a layer of the encoder": lambda edits: edits["encoder.layers.1"].output.at([0, 3]).zero(),
    "a step": lambda edits: edits[f"{CROSS}.scaled"].head(1).at(2).scale(4.0),
    "logits": lambda edits: edits["logits"].at([1, 2]).scale(0.5),
}


@pytest.mark.parametrize("say", WORDS.values(), ids=WORDS)
def test_decoding_with_a_cache_is_the_whole_pass(model, say):
    plain = forward(model)
    with clearhead.intervene(model) as edits:
        say(edits)
        edited = forward(model)
        np.testing.assert_allclose(token_by_token(model), edited, rtol=0, atol=1e-10)
    assert np.abs(edited - plain).max() > 1e-6, "the edit does something, so the test can fail"
    np.testing.assert_array_equal(forward(model), plain)


@given(config=configs(decoder=True), data=st.data())
@settings(max_examples=20)
def test_so_it_is_in_any_kind_of_model(config, data):
    model = made(config)
    layer = f"decoder.layers.{data.draw(st.integers(0, config.decoder_layers - 1))}"
    head = data.draw(st.integers(0, config.num_heads - 1))
    query, key = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 5))
    with clearhead.intervene(model) as edits:
        edits[layer].output.at(query).scale(1.5)
        attention = edits[f"{layer}.self_attention"]
        attention.head(head).at(key).scale(2.0)
        attention.key.at(key).scale(0.5)
        attention.value.at(query).zero()
        attention.head(head).edge(query, key).remove()
        attention.edge(None, query).zero()
        whole = forward(model)
        prompt = 0 if config.encoder_layers else data.draw(st.integers(0, 4))
        steps = token_by_token(model, prompt)
    np.testing.assert_allclose(steps, whole[prompt:], rtol=0, atol=1e-9)


def test_edited_beams_of_several_sources_are_each_by_itself(model):
    engine = ReferenceEngine(model)
    sources = [SOURCE, [4, 3, 8, 9, 11, 2], [7, 2]]
    with clearhead.intervene(engine) as edits:
        WORDS["edges to the source"](edits)
        WORDS["keys"](edits)
        together = engine.begin(sources)
        alone = [engine.begin([source]) for source in sources]
        for token in TARGET:
            rows = together.advance(np.array([token] * 3), np.arange(3))
            singles = [one.advance(np.array([token]), np.zeros(1, int))[0] for one in alone]
            np.testing.assert_allclose(rows, singles, rtol=0, atol=1e-12)


def test_a_trace_shows_what_was_edited(model):
    with clearhead.intervene(model) as edits, Trace() as trace:
        edits[SELF].head(2).zero()
        forward(model, trace=trace)
    replaced = [step.path for step in trace if step.replaced]
    assert replaced == [f"{SELF}.output"]
    assert not trace[f"{SELF}.output"].value[:, 2].any()


def test_replacements_of_a_trace_come_behind_the_edits(model):
    path = f"{SELF}.output"
    arrays = []
    with clearhead.intervene(model) as edits:
        edits[SELF].set(2.0)
        with Trace(replace={path: lambda x: arrays.append(x) or 3 * x}) as trace:
            forward(model, trace=trace)
    assert (arrays[0] == 2).all()
    assert (trace[path].value == 6).all()


def test_blocks_within_one_another_add_up(model):
    with clearhead.intervene(model) as outer:
        outer[SELF].head(0).set(1.0)
        with clearhead.intervene(model) as inner, Trace(keep=f"{SELF}.output") as trace:
            inner[SELF].head(0).scale(3.0)
            forward(model, trace=trace)
        assert (trace[f"{SELF}.output"].value[:, 0] == 3).all()
        again = Trace(keep=f"{SELF}.output")
        forward(model, trace=again)
        assert (again[f"{SELF}.output"].value[:, 0] == 1).all()


def test_an_error_in_the_block_leaves_nothing_behind(model):
    plain = forward(model)
    with pytest.raises(ZeroDivisionError):
        edited(model, lambda edits: edits[SELF].apply(lambda x: 1 / 0))
    np.testing.assert_array_equal(forward(model), plain)


def test_other_models_and_threads_are_not_edited(model):
    other = made(model.config)
    plain, results = forward(model), []
    with clearhead.intervene(model) as edits:
        edits[SELF].zero()
        thread = threading.Thread(target=lambda: results.append(forward(model)))
        thread.start()
        thread.join()
        np.testing.assert_array_equal(results[0], plain)
        np.testing.assert_array_equal(forward(other), plain)
        assert np.abs(forward(model) - plain).max() > 1e-6


def test_what_an_edit_function_gets_is_a_copy_in_the_model_s_own_words(model):
    shapes = []
    with clearhead.intervene(model) as edits:
        edits[SELF].head([1, 2]).key.at([0, 3]).apply(lambda x: shapes.append(x.shape) or x)
        edits["decoder.layers.0"].output.apply(lambda x: shapes.append(x.shape) or x)
        forward(model)
    assert shapes == [(1, 6, 16), (1, 2, 2, 4)]


@pytest.mark.parametrize(("say", "message"), [
    (lambda e: e["decoder.layer.0"], r"no module 'decoder.layer.0'. Did you mean 'decoder.layer"),
    (lambda e: e[SELF].head(4).zero(), r"head\(4\).zero\(\) asks for head 4, and .* 4 heads, 0 to"),
    (lambda e: e[SELF].head(7).edge(1, 0).remove(), r"asks for head 7, and .* has 4 heads"),
    (lambda e: e["decoder.layers.0"].zero(),
     r"'decoder.layers.0' has no heads. Name its attention: 'decoder.layers.0.self_attention', .* "
     r"What the module returns is edits\['decoder.layers.0'\].output."),
    (lambda e: e["encoder.layers.0.feed_forward"].zero(), r"returns is .*feed_forward'\].output."),
    (lambda e: e["logits"].output.zero(), r"is a step, not a module: .* without .output"),
    (lambda e: e["logits"].head(0).zero(), r"'logits' has no heads\.$"),
    (lambda e: e["logits"].edge(0, 0).remove(), r"'logits' has no heads\.$"),
    (lambda e: e[6].zero(), r"the model has 6 attentions, 0 to 5"),
    (lambda e: e[-1], r"none can be counted from the end; got -1"),
    (lambda e: e[SELF].at(-1), r"none can be negative"),
    (lambda e: e[SELF].set(np.zeros(3)), r"shape \[3\] cannot take the place of the heads"),
    (lambda e: e[SELF].apply(lambda x: x[0]), r"gives the shape \[4, 6, 4\] for the numbers"),
    (lambda e: e[SELF].apply(print), r"returned NoneType; it must return the array"),
    (lambda e: e[SELF].at(6).zero(), r"at\(6\).zero\(\) had no effect: the model ran, and"),
    (lambda e: e[SELF].patch(None), r"come from a trace of it, .* got NoneType"),
])  # fmt: skip
def test_what_is_refused(model, say, message):
    with pytest.raises(ConfigError, match=message):
        edited(model, say)


def test_what_a_trace_must_have_for_a_patch(model):
    with Trace(keep=f"{SELF}.output") as short:
        model.forward(np.array([SOURCE]), np.array([TARGET[:2]]), trace=short)
    with pytest.raises(ConfigError, match=r"needed at position 5, and the trace has 2 positions"):
        edited(model, lambda edits: edits[SELF].patch(short))
    with pytest.raises(TraceError, match=r"has no step 'decoder.layers.0.cross_attention.value'"):
        edited(model, lambda edits: edits[CROSS].value.patch(short))


def test_a_cache_goes_on_by_one_token_at_a_time(model):
    memories = model.memories(model.encode(np.array([SOURCE])))
    cache = KeyValueCache.of(model, 1)
    with clearhead.intervene(model) as edits:
        edits[SELF].zero()
        model.decode(np.array([TARGET[:3]]), memories=memories, cache=cache)
        with pytest.raises(ConfigError, match=r"one token at a time; 2 came"):
            model.decode(np.array([TARGET[3:5]]), memories=memories, cache=cache)
