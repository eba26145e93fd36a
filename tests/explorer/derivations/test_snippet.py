"""Snippets run by themselves, and fail when the number that they assert is another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.errors import TraceError
from clearhead.explorer.derivations.snippet import applicable, literal, operand_values, snippet
from clearhead.reference.tracing.step import Step
from tests.explorer.walked import Walked, as_json, random_index, walked
from tests.explorer.word_tables import labels
from tests.reference.models import configs, small_config


def program(run: Walked, step: Step, index: Sequence[int], *, value: float | None = None) -> str:
    derivation = applicable(as_json(run, step), index)
    number = step.value[tuple(index)] if value is None else value
    operands = operand_values(derivation, index, run.fetch)
    return snippet(derivation, number, operands, labels=labels())


@settings(max_examples=12)
@given(config=configs(), seed=st.integers(0, 2**32 - 1))
def test_a_snippet_runs_by_itself_and_asserts_its_number(
    config: TransformerConfig, seed: int
) -> None:
    run, rng = walked(config, seed, lengths=(3, 4)), np.random.default_rng(seed)
    for step in run.trace:
        if step.name == "tokens":
            continue
        index = random_index(rng, step)
        text = program(run, step, index)
        with np.errstate(all="ignore"):
            exec(text, {})
            value = step.value[index]
            wrong = 0.0 if np.isneginf(value) else value + max(1e-6, 1e-6 * abs(value))
            with pytest.raises(AssertionError):
                exec(program(run, step, index, value=wrong), {})


def test_a_snippet_is_this_text() -> None:
    run = walked(small_config(encoder_layers=1, decoder_layers=0))
    step = run.trace["encoder.layers.0.self_attention.scaled"]
    derivation = applicable(as_json(run, step), (0, 1, 2, 3))
    operands = {"s": 2.5, "head_dim": 4}
    text = snippet(derivation, 1.25, operands, labels=labels(), heading="a score\nof two")
    assert text == (
        "import numpy as np\n"
        "\n"
        "# a score of two\n"
        "# s: raw score\n"
        "s = 2.5\n"
        "# head_dim: width of one head\n"
        "head_dim = 4\n"
        "value = s / np.sqrt(head_dim)\n"
        "assert np.isclose(value, 1.25, rtol=1e-9, atol=1e-12), value\n"
        "print(value)\n"
    )
    portuguese = snippet(derivation, 1.25, operands, labels=labels("pt"))
    assert "# s: pontuação bruta\n" in portuguese


def test_a_label_says_which_weight_it_means() -> None:
    run = walked(small_config(encoder_layers=1, decoder_layers=0))
    text = program(run, run.trace["encoder.layers.0.feed_forward.up"], (0, 1, 2))
    assert "# w: row of the weight matrix 'up' that produces this entry\n" in text


def test_a_given_number_has_no_snippet() -> None:
    run = walked(small_config(encoder_layers=1, decoder_layers=0))
    with pytest.raises(TraceError, match="follows from no others, so there is no snippet"):
        program(run, run.trace["encoder.tokens"], (0, 0))


@given(
    st.lists(st.floats(), min_size=1, max_size=40).map(np.array)
    | st.lists(st.integers(-(2**31), 2**31), min_size=1).map(np.array)
    | st.floats()
    | st.integers()
)
def test_a_literal_makes_the_same_bits_again(value: np.ndarray | float) -> None:
    again = eval(literal(value), {"np": np})
    np.testing.assert_array_equal(again, value)
    if not np.isnan(value).any():
        np.testing.assert_array_equal(np.signbit(again), np.signbit(value))


def test_a_literal_keeps_its_axes_and_its_lines_short() -> None:
    value = np.random.default_rng(0).standard_normal((6, 5))
    text = literal(value)
    assert max(map(len, text.splitlines())) <= 96
    np.testing.assert_array_equal(eval(text, {"np": np}), value)
