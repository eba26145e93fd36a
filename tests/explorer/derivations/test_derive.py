"""Every number of every kind of model follows from its operands as its derivation says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clearhead.config import ACTIVATIONS, NORM_PLACES, NORMS, POSITIONS, TransformerConfig
from clearhead.errors import TraceError
from clearhead.explorer.contract.arrays import read
from clearhead.explorer.derivations.derive import derivations
from clearhead.explorer.derivations.snippet import applicable, operand_values, resolve
from clearhead.reference import Trace, Transformer
from tests.explorer.walked import (
    SAME,
    Walked,
    as_json,
    bundled,
    computed,
    every_element,
    random_index,
    request,
    walked,
)
from tests.explorer.word_tables import LANGUAGES, labels
from tests.reference.backward.passes import backward
from tests.reference.models import (
    configs,
    image_configs,
    random_pixels,
    random_weights,
    small_config,
    wide_configs,
)


def check_all(run: Walked, seed: int, each: int) -> None:
    """Some elements of every step."""
    rng = np.random.default_rng(seed)
    for step in run.trace:
        for _ in range(each):
            index = random_index(rng, step)
            if step.name in ("tokens", "token_type_ids", "pixels"):
                assert as_json(run, step) == [{"expression": None, "given": True, "operands": []}]
                continue
            value = computed(run, step, index)
            assert np.isclose(value, step.value[index], **SAME), (step.path, index, value)


@settings(max_examples=40)
@given(config=configs(), seed=st.integers(0, 2**32 - 1))
def test_every_step_of_any_model_follows_from_its_operands(
    config: TransformerConfig, seed: int
) -> None:
    check_all(walked(config, seed, lengths=(4, 6)), seed, each=2)


@settings(max_examples=50)
@given(config=wide_configs(), seed=st.integers(0, 2**32 - 1))
def test_every_step_of_other_peoples_models_follows_from_its_operands(
    config: TransformerConfig, seed: int
) -> None:
    check_all(walked(config, seed, lengths=(4, 6)), seed, each=2)


@settings(max_examples=12)
@given(config=wide_configs(), seed=st.integers(0, 99))
def test_every_gradient_of_any_model_follows_from_its_operands(
    config: TransformerConfig, seed: int
) -> None:
    trace, _, weights = backward(config, seed, batch=1)
    run, rng = Walked(Transformer(config, weights), trace), np.random.default_rng(seed)
    for path in trace.paths[trace.paths.index("labels") :]:
        step = trace[path]
        index = random_index(rng, step)
        if step.name in ("labels", "label_smoothing", "label_weights", "buckets"):
            assert as_json(run, step) == [{"expression": None, "given": True, "operands": []}]
            continue
        value = computed(run, step, index)
        assert np.isclose(value, step.value[index], **SAME), (path, index, value)


@settings(max_examples=15)
@given(config=image_configs(), seed=st.integers(0, 2**32 - 1))
def test_every_step_of_a_model_of_images_follows_from_its_operands(
    config: TransformerConfig, seed: int
) -> None:
    reference, trace = Transformer(config, random_weights(config, seed % 100)), Trace()
    reference.forward(pixels=random_pixels(np.random.default_rng(seed), config), trace=trace)
    check_all(Walked(reference, trace), seed, each=2)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("norm_place", NORM_PLACES)
@pytest.mark.parametrize("norm", NORMS)
def test_every_choice_of_a_config_is_covered(positions: str, norm_place: str, norm: str) -> None:
    choices = {"positions": positions, "norm_place": norm_place, "norm": norm}
    check_all(walked(small_config(**choices, num_kv_heads=2)), 0, each=2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_covered(activation: str) -> None:
    run = walked(small_config(activation=activation, encoder_layers=1, decoder_layers=1))
    for step in run.trace.find("*.feed_forward.hidden"):
        for index in np.ndindex(*step.shape):
            assert np.isclose(computed(run, step, index), step.value[index], **SAME)


@pytest.mark.parametrize("sides", [(2, 0), (0, 2)])
def test_one_sided_models_are_covered(sides: tuple[int, int]) -> None:
    encoder_layers, decoder_layers = sides
    config = small_config(
        encoder_layers=encoder_layers, decoder_layers=decoder_layers, tied_embeddings=False
    )
    check_all(walked(config), 1, each=3)


def test_far_sinusoidal_positions_hold() -> None:
    config = small_config(max_length=2048, d_model=32, encoder_layers=1, decoder_layers=0)
    reference, trace = Transformer(config, random_weights(config)), Trace()
    reference.embed(np.full((1, 2048), 5), "source", trace=trace.at("encoder"))
    run = Walked(reference, trace)
    every_element(run, "encoder.positions", rows=[0, 1, 511, 1000, 1023, 2047])


def test_rotary_positions_hold_in_both_halves_of_a_head() -> None:
    config = small_config(positions="rotary", encoder_layers=1, decoder_layers=0, num_kv_heads=2)
    run = walked(config)
    every_element(run, "*.self_attention.query")
    every_element(run, "*.self_attention.key")


def test_the_bundled_model_says_where_every_number_comes_from() -> None:
    run = bundled().run(request("The cat sleeps on the mat."))
    steps = bundled().answer("run", {"text": "The cat sleeps on the mat."}).json["steps"]
    assert {step.path for step in run.trace} < {step["path"] for step in steps}
    rng = np.random.default_rng(0)
    source = Walked(run.reference, run.trace)
    for step in steps:
        whole = tuple((0, size) for size in step["shape"])
        index = tuple(int(rng.integers(size)) for size in step["shape"])
        derivation = applicable(step["derivations"], index)
        if derivation.get("given"):
            assert step["path"].endswith(".tokens")
            continue
        operands = operand_values(derivation, index, source.fetch)
        value = eval(derivation["expression"], {"np": np, "math": math, **operands})
        assert np.isclose(value, read(run, step["path"], whole)[index], **SAME), step["path"]


def test_a_row_that_may_attend_to_nothing_has_weights_of_zero() -> None:
    config = small_config(encoder_layers=1, decoder_layers=0)
    reference = Transformer(config, random_weights(config))
    trace = Trace(replace={"*.masked": lambda masked: np.full_like(masked, -np.inf)})
    reference.forward(np.array([[5, 6, 7]]), trace=trace)
    run = Walked(reference, trace)
    weights = trace["encoder.layers.0.self_attention.weights"]
    assert computed(run, weights, (0, 1, 2, 0)) == 0.0 == weights.value[0, 1, 2, 0]


def test_a_foreign_step_is_refused_with_its_name() -> None:
    trace = Trace()
    trace.step("attention.weights", np.eye(2))
    with pytest.raises(TraceError, match=r"'attention.weights' is none of a Transformer's"):
        derivations(trace["attention.weights"], trace, small_config())


def test_no_condition_that_holds_is_an_error() -> None:
    with pytest.raises(TraceError, match=r"None of 1 derivations holds for the element \[4\]"):
        applicable([{"when": {"axis": 0, "mod": 3, "equals": 2}}], [4])


def test_every_label_has_a_text_in_both_languages() -> None:
    texts = [labels(language) for language in LANGUAGES]
    for positions in POSITIONS:
        run = walked(small_config(positions=positions, activation="swiglu"))
        for step in run.trace:
            for derivation in as_json(run, step):
                for operand in derivation["operands"]:
                    english, portuguese = (text[operand["label"]["key"]] for text in texts)
                    assert english.strip()
                    assert english != portuguese


def test_contributions_that_were_replaced_make_the_output() -> None:
    config = small_config(encoder_layers=1, decoder_layers=0)
    reference = Transformer(config, random_weights(config))
    trace = Trace(keep="*", replace={"*.contributions": lambda parts: parts * 2})
    reference.forward(np.array([[5, 6, 7]]), trace=trace)
    every_element(Walked(reference, trace), "*.self_attention.output")


@given(
    entry=st.fixed_dictionaries(
        {"axis": st.integers(0, 2)},
        optional={
            "times": st.integers(1, 9),
            "floordiv": st.integers(1, 9),
            "mod": st.integers(1, 9),
            "plus": st.integers(-9, 9),
        },
    ),
    index=st.lists(st.integers(0, 100), min_size=3, max_size=3),
)
@example(entry={"axis": 1, "times": 3, "floordiv": 2, "mod": 4, "plus": 5}, index=[0, 7, 0])
def test_an_index_is_multiplied_divided_wrapped_and_shifted(entry: dict, index: list[int]) -> None:
    expected = index[entry["axis"]] * entry.get("times", 1) // entry.get("floordiv", 1)
    expected = expected % entry.get("mod", 10**9) + entry.get("plus", 0)

    def nothing(path: str, where: tuple) -> None:
        raise AssertionError("nothing is to be fetched")

    assert resolve(entry, index, nothing) == expected
    assert resolve({"sum": [entry, 4, entry]}, index, nothing) == 2 * expected + 4
