"""Ids, masks and texts in the forms in which people have them."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config import TransformerConfig
from clearhead.errors import ShapeError
from clearhead.tasks.inputs import model_inputs, one_row, real_positions, texts_of, whole_numbers

SIZES = {"vocab_size": 20, "d_model": 8, "num_heads": 2, "feed_forward_dim": 8, "max_length": 6}
BOTH = TransformerConfig(**SIZES, encoder_layers=1, decoder_layers=1)
DECODER = TransformerConfig(**SIZES, encoder_layers=0, decoder_layers=1)


def test_a_source_and_a_target():
    inputs = model_inputs(BOTH, [[5, 6]], [[1, 7, 8]], [[1, 0]], None)
    assert inputs.source_ids.tolist() == [[5, 6]]
    assert inputs.target_ids.tolist() == [[1, 7, 8]]
    assert inputs.mask.tolist() == [[True, False]]
    assert inputs.arguments == {**inputs.lens_arguments, "token_types": None}


def test_a_prompt_is_what_the_decoder_reads():
    inputs = model_inputs(DECODER, [[5, 6]], None, None, None)
    assert inputs.source_ids is None
    assert inputs.target_ids.tolist() == [[5, 6]]


def test_the_first_side_alone():
    inputs = model_inputs(BOTH, [[5, 6]], None, None, None, whole=False)
    assert inputs.target_ids is None
    assert inputs.source_ids.tolist() == [[5, 6]]


@pytest.mark.parametrize(
    ("config", "arguments", "words"),
    [
        (BOTH, ([[5]], None, None, None), "give ids and target_ids"),
        (DECODER, ([[5]], [[5]], None, None), "takes ids alone"),
        (BOTH, ([[5], [6]], [[5]], None, None), "they have 2 and 1"),
        (BOTH, ([[5]], [[20]], None, None), "target_ids hold 20, and this model's ids are 0 to 19"),
        (DECODER, ([[-1]], None, None, None), "ids hold -1"),
        (DECODER, ([[5] * 7], None, None, None), "length of 7, and this model reads at most 6"),
        (DECODER, ([[5, 6]], None, None, [[0]]), r"token_types must have the shape of ids, \(1, 2"),
    ],
)
def test_what_does_not_fit_the_model(config, arguments, words):
    with pytest.raises(ShapeError, match=words):
        model_inputs(config, *arguments)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([5, 6], r"of shape \(2,\). For a single row, give \[ids\]"),
        ([[5], [6, 7]], "rows of ids must have the same length. Fill the shorter ones up"),
        ([[5.0]], "float64"),
        ([[]], "a length of at least 1"),
        ([], "a length of at least 1"),
        ("abc", "whole numbers"),
        (None, "whole numbers"),
    ],
)
def test_what_are_no_ids(value, words):
    with pytest.raises(ShapeError, match=words):
        whole_numbers("ids", value)


@pytest.mark.parametrize("kind", [bool, int, np.uint8, np.int64])
def test_masks_of_truths_and_of_ones(kind):
    mask = real_positions(np.array([[1, 0]], kind), (1, 2))
    assert mask.dtype == bool
    assert mask.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ([[2, 0]], "int64 and holds other numbers"),
        ([[1.0, 0.0]], "float64. mask == 1 makes one"),
        ([1, 0], r"shape of ids, \(1, 2\); it has \(2,\)"),
        ([[1], [1, 0]], "rows of mask must have the same length"),
        ("no", "shape of ids"),
    ],
)
def test_what_are_no_masks(mask, words):
    with pytest.raises(ShapeError, match=words):
        real_positions(mask, (1, 2))


def test_texts_of_one_or_several():
    assert texts_of("a", "text") == ["a"]
    assert texts_of(iter(("a", "b")), "text") == ["a", "b"]
    with pytest.raises(TypeError, match="A text is a str, or several; b'a' came"):
        texts_of(b"a", "text")
    with pytest.raises(TypeError, match="text 1 is 5"):
        texts_of(["a", 5], "text")
    with pytest.raises(TypeError, match="A prompt is a str; "):
        texts_of(["a"], "prompt", most=1)


def test_a_single_row_becomes_a_batch():
    assert one_row([5, 6]) == [[5, 6]]
    assert one_row([[5, 6]]) == [[5, 6]]
    assert one_row([]) == []
    assert one_row([[5], [6, 7]]) == [[5], [6, 7]]
