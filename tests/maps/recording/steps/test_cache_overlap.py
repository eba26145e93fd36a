"""How a step's keys continue those of a call, in small numbers that can be read."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recording.steps.cache_overlap import (
    CallState,
    count_rejected,
    find_overlap,
    find_parents,
    is_uncertain,
)


def keys(*rows: str) -> torch.Tensor:
    """A key for each letter of each row: [batch, 1, length, 1]."""
    return torch.tensor([[[[float(ord(letter))] for letter in row]] for row in rows])


def state(*rows: str, offset: int = 0, attended_end: int | None = None) -> CallState:
    tensor = keys(*rows)
    end = tensor.shape[2] if attended_end is None else attended_end
    return CallState(tensor, offset, end)


@pytest.mark.parametrize(
    ("call", "step", "new", "offset", "changed"),
    [
        (state("abc"), "abcd", 1, 0, "..."),
        (state("abcd"), "cde", 1, 2, ".."),
        (state("abcd", offset=1), "cde", 1, 2, ".."),
        (state("abc__", attended_end=3), "abcd_", 1, 0, "...x."),
        (state("abc"), "abcde", 2, 0, "..."),
    ],
    ids=["full", "window", "window again", "static", "chunk"],
)
def test_caches(call, step, new, offset, changed):
    overlap = find_overlap(call, keys(step), new)
    assert overlap is not None
    assert overlap.offset == offset
    assert "".join("x" if one else "." for one in overlap.changed) == changed


@pytest.mark.parametrize(
    ("call", "step", "new"),
    [
        (state("abc"), "abxd", 1),
        (state("abc"), "abcde", 1),
        (state("abc__"), "abcd_", 1),
        (state("abc"), "abc", 3),
    ],
    ids=["other keys", "more keys than queries", "a key that was seen", "the same again"],
)
def test_no_step(call, step, new):
    assert find_overlap(call, keys(step), new) is None


def test_rejected_keys_are_the_last_of_the_last_step():
    call = state("abcde")
    assert count_rejected(call, keys("abcX"), 1, last_new=3) == 2
    assert count_rejected(call, keys("bcX"), 1, last_new=3) == 2, "a window"
    assert count_rejected(call, keys("abX"), 1, last_new=3) is None, "more than the step brought"
    assert count_rejected(call, keys("abcdeX"), 1, last_new=3) is None, "none is missing"
    assert count_rejected(call, keys("aXX"), 2, last_new=1) is None


@pytest.mark.parametrize(
    ("call", "steps", "parents"),
    [
        (state("abc", "abd", "abe"), ("abdx", "abdy", "abcz"), [1, 1, 0]),
        (state("ab", "ab", "ab"), ("abx", "aby", "abz"), [0, 1, 2]),
        (state("abc_", "abd_", attended_end=3), ("abdx", "abcy"), [1, 0]),
        (state("abc", "abc", "abd", "abd"), ("abdx", "abdx", "abcx", "abcy"), [2, 2, 1, 1]),
        (state("abc", "bbd"), ("bdx", "bcy"), [1, 0]),
    ],
    ids=["beams", "equal rows stay", "static", "the nearest", "window"],
)
def test_parents(call, steps, parents):
    rows = find_parents(call, keys(*steps), 1)
    assert rows is not None
    assert rows.tolist() == parents


def test_a_row_without_a_parent():
    assert find_parents(state("abc", "abd"), keys("abdx", "abey"), 1) is None


def test_a_window_that_hides_a_difference():
    call = state("abcd", "xbcd", "abcd")
    assert is_uncertain(call, 1)
    assert not is_uncertain(call, 0)
    assert not is_uncertain(state("abcd", "abcd"), 1)
    assert not is_uncertain(state("abcd", "xbce"), 1)
