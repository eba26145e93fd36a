"""Masks against their definitions, entry by entry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.reference import causal_mask, combine, extend_mask, padding_mask, sliding_window_mask
from clearhead.reference.masks import attendable

lengths = st.integers(0, 6)


def test_causal_by_hand() -> None:
    np.testing.assert_array_equal(causal_mask(3), [[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    np.testing.assert_array_equal(causal_mask(2, 4, 2), [[1, 1, 1, 0], [1, 1, 1, 1]])
    assert causal_mask(3).dtype == bool


@given(lengths, lengths, st.integers(-4, 6))
def test_causal_by_definition(query_len: int, key_len: int, offset: int) -> None:
    mask = causal_mask(query_len, key_len, offset)

    assert mask.shape == (query_len, key_len)
    for i, j in np.ndindex(mask.shape):
        assert mask[i, j] == (j <= i + offset)


@given(
    lengths,
    lengths,
    st.none() | st.integers(0, 4),
    st.none() | st.integers(0, 4),
    st.integers(-4, 6),
)
def test_window_by_definition(
    query_len: int, key_len: int, before: int | None, after: int | None, offset: int
) -> None:
    mask = sliding_window_mask(query_len, key_len, (before, after), offset)

    assert mask.shape == (query_len, key_len)
    for i, j in np.ndindex(mask.shape):
        position = i + offset
        near_enough = before is None or j >= position - before
        assert mask[i, j] == (near_enough and (after is None or j <= position + after))


def test_one_number_is_a_window_to_both_sides() -> None:
    np.testing.assert_array_equal(sliding_window_mask(5, 5, 1), sliding_window_mask(5, 5, (1, 1)))


@given(lengths, lengths, st.integers(0, 6))
def test_a_window_without_end_before_and_none_after_is_causal(
    query_len: int, key_len: int, offset: int
) -> None:
    np.testing.assert_array_equal(
        sliding_window_mask(query_len, key_len, (None, 0), offset),
        causal_mask(query_len, key_len, offset),
    )


def test_offsets_of_a_batch_give_masks_of_a_batch() -> None:
    offsets = np.array([[0], [2]])

    causal = causal_mask(2, 4, offsets)
    window = sliding_window_mask(2, 4, 1, offsets)

    assert causal.shape == window.shape == (2, 1, 2, 4)
    for row, offset in enumerate((0, 2)):
        np.testing.assert_array_equal(causal[row, 0], causal_mask(2, 4, offset))
        np.testing.assert_array_equal(window[row, 0], sliding_window_mask(2, 4, 1, offset))


@pytest.mark.parametrize("window", [-1, (-1, 0), (0, -3)])
def test_a_negative_window_is_an_error(window: int | tuple[int, int]) -> None:
    with pytest.raises(ShapeError, match=r"cannot be negative.*give None"):
        sliding_window_mask(3, 3, window)


def test_padding() -> None:
    mask = padding_mask(np.array([0, 2, 3]), 3)

    np.testing.assert_array_equal(mask, [[0, 0, 0], [1, 1, 0], [1, 1, 1]])
    assert mask.dtype == bool
    np.testing.assert_array_equal(padding_mask(2, 3), [1, 1, 0])


def test_extending_shuts_the_new_keys_out() -> None:
    np.testing.assert_array_equal(extend_mask(np.ones((2, 1), dtype=bool), 3), [[1, 0, 0]] * 2)
    np.testing.assert_array_equal(extend_mask(np.full((1, 1), 0.5), 2), [[0.5, -np.inf]])
    assert extend_mask(np.full((1, 1), 0.5, dtype=np.float32), 2).dtype == np.float32


def test_extending_cannot_cut() -> None:
    with pytest.raises(ShapeError, match=r"shape \(2, 5\) covers 5 keys, and there are only 3"):
        extend_mask(np.ones((2, 5), dtype=bool), 3)


def test_combined_masks_allow_what_all_allow() -> None:
    both = combine(causal_mask(3), None, padding_mask(np.array([2]), 3)[:, None, :])

    assert both is not None
    np.testing.assert_array_equal(both, [[[1, 0, 0], [1, 1, 0], [1, 1, 0]]])


def test_nothing_combined_is_nothing() -> None:
    mask = causal_mask(3)

    assert combine() is None
    assert combine(None, None) is None
    assert combine(None, mask) is mask


def test_an_additive_mask_cannot_be_combined() -> None:
    with pytest.raises(ShapeError, match=r"shape \(2, 2\) holds float64.*attention\(mask="):
        combine(causal_mask(2), np.zeros((2, 2)))


def test_padding_of_a_text_is_hidden_from_every_query() -> None:
    real = np.array([[True, True, False], [False, True, True]])
    mask = attendable(real, (2, 3))
    assert mask is not None
    assert mask.shape == (2, 1, 1, 3)
    np.testing.assert_array_equal(mask[:, 0, 0], real)
    assert attendable(np.ones((2, 3), bool), (2, 3)) is None
    assert attendable(None, (2, 3)) is None
    with pytest.raises(ShapeError, match=r"\(2, 4\); it holds bool of the shape \(2, 3\)"):
        attendable(real, (2, 4))
