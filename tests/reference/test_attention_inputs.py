"""Arrays, masks, lengths and a past that fit together, and the words for those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clearhead.errors import ShapeError
from clearhead.reference import attention
from clearhead.reference.attention_inputs import fitting_mask, prepare_inputs, visible_keys

Array = np.ndarray[Any, Any]


def zeros(*shapes: tuple[int, ...]) -> list[Array]:
    return [np.zeros(shape) for shape in shapes]


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (
            [(2, 3), (1, 2, 3), (1, 2, 3)],
            r"same number of axes.*query \(2, 3\), key \(1, 2, 3\)",
        ),
        ([(3,), (3,), (3,)], "two to four"),
        ([(1, 1, 1, 2, 3)] * 3, "two to four"),
        ([(2, 3), (2, 4), (2, 4)], r"same last axis \(head_dim\); got query \(2, 3\)"),
        ([(2, 3), (2, 3), (3, 3)], "Key and value must agree in all axes but the last"),
        ([(3, 2, 3), (2, 2, 3), (2, 2, 3)], "heads of the query must be a multiple"),
        ([(3, 2, 3), (0, 2, 3), (0, 2, 3)], "heads of the query must be a multiple"),
        ([(2, 1, 2, 3), (1, 1, 2, 3), (1, 1, 2, 3)], "same batch size"),
    ],
)
def test_shapes_that_do_not_fit(shapes: list[tuple[int, ...]], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        attention(*zeros(*shapes))


def test_a_mask_of_whole_numbers_is_ambiguous() -> None:
    with pytest.raises(ShapeError, match=r"holds int64. Convert it: mask.astype\(bool\)"):
        attention(*zeros((2, 4), (3, 4), (3, 4)), mask=np.ones((2, 3), np.int64))


@pytest.mark.parametrize(
    ("half", "missing"), [("past_key", "past_value"), ("past_value", "past_key")]
)
def test_half_a_past(half: str, missing: str) -> None:
    with pytest.raises(ShapeError, match=f"{missing} is missing"):
        attention(*zeros((2, 4), (3, 4), (3, 4)), **{half: np.zeros((3, 4))})


def test_a_past_that_does_not_fit() -> None:
    past = np.zeros((3, 5))
    with pytest.raises(ShapeError, match=r"past_key \(3, 5\) and key \(3, 4\) must agree"):
        attention(*zeros((2, 4), (3, 4), (3, 4)), past_key=past, past_value=past)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([1, 2, 3], r"the shape \(2,\); it has the shape \(3,\)"),
        ([1, 4], r"between 0 and key_len \(3\); they are \[1 4\]"),
        ([-1, 1], r"between 0 and key_len \(3\)"),
    ],
)
def test_lengths_that_do_not_fit(lengths: list[int], words: str) -> None:
    x = np.zeros((2, 1, 3, 4))
    with pytest.raises(ShapeError, match=words):
        attention(x, x, x, key_lengths=np.array(lengths))


def test_lengths_and_a_past() -> None:
    x = np.zeros((2, 1, 3, 4))
    with pytest.raises(ShapeError, match="key_lengths and past_key exclude each other"):
        attention(x, x, x, past_key=x, past_value=x, key_lengths=np.array([1, 2]))


@pytest.mark.parametrize(
    ("dtype", "computed_in"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.int64, np.float64),
        (bool, np.float64),
    ],
)
def test_arrays_become_floating_and_half_precision_single(dtype: type, computed_in: type) -> None:
    x = np.ones((3, 4), dtype)
    *arrays, past_len = prepare_inputs(x, x, x, None, None)
    assert [array.dtype for array in arrays] == [computed_in] * 3
    assert past_len == 0


def test_a_past_comes_before_the_new_keys_and_values() -> None:
    past, new = np.zeros((2, 4)), np.ones((3, 4))
    query, key, value, past_len = prepare_inputs(new, new, 2 * new, past, past)
    assert query.shape == (3, 4)
    assert key[:, 0].tolist() == [0, 0, 1, 1, 1]
    assert value[:, 0].tolist() == [0, 0, 2, 2, 2]
    assert past_len == 2


def test_a_mask_may_end_where_all_keys_are_padding() -> None:
    mask = np.ones((2, 3), bool)
    longer = fitting_mask(mask, 5, np.array([3]))
    assert longer is not None
    assert longer.tolist() == [[True, True, True, False, False]] * 2
    assert fitting_mask(mask, 5, None) is mask
    assert fitting_mask(None, 5, np.array([3])) is None


def visible(*shape: int, **options: Any) -> list[Any] | None:
    settings = {"causal": False, "window": None, "past_len": 0, "key_lengths": None} | options
    mask = visible_keys(np.zeros(shape), **settings)
    return None if mask is None else mask.astype(int).tolist()


def test_what_a_query_sees_is_combined_of_causality_window_and_padding() -> None:
    assert visible(2, 3) is None
    assert visible(2, 3, causal=True) == [[1, 0, 0], [1, 1, 0]]
    assert visible(2, 3, causal=True, past_len=1) == [[1, 1, 0], [1, 1, 1]]
    assert visible(1, 3, causal=True, past_len=2) is None  # the last query sees all
    assert visible(3, 3, causal=True, window=(1, 0)) == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    # With lengths the queries of a row are its last ones: here positions 0 and 1 of two keys.
    lengths = np.array([2])
    assert visible(1, 1, 2, 3, key_lengths=lengths) == [[[[1, 1, 0]]]]
    assert visible(1, 1, 2, 3, key_lengths=lengths, causal=True) == [[[[1, 0, 0], [1, 1, 0]]]]


def test_lengths_are_whole_numbers() -> None:
    with pytest.raises(ShapeError, match="key_lengths holds whole numbers; it holds float64"):
        visible(2, 1, 3, 3, key_lengths=np.array([1.0, 2.0]))
