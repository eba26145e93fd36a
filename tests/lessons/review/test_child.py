"""What a learner's function returned, as it is written down for the process that waits."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons._text import text
from clearhead.lessons.review.child import _keywords, _values
from clearhead.lessons.review.subject import Case

CASE = Case(
    text("a mask", "uma máscara"), (np.ones(2),), (np.ones(2),), mask=np.ones((2, 2), dtype=bool)
)


@pytest.mark.parametrize(
    ("returned", "shapes"),
    [
        (np.ones((2, 3)), [[2, 3]]),
        ((np.ones((2, 3)), np.ones((2, 2))), [[2, 3], [2, 2]]),
        ([[1, 2], [3, 4]], [[2, 2]]),  # a table as lists, and no pair
        (3.0, [[]]),
    ],
)
def test_arrays_lists_and_pairs(returned, shapes):
    values, problem = _values(returned)
    assert not problem
    assert [value["shape"] for value in values] == shapes


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "`return` at its end"),
        ("text", "returns a str"),
        ({"output": 1}, "returns a dict"),
        ([[1], [1, 2]], "no table"),
        (np.zeros(100_001), "shape (100001,)"),
    ],
)
def test_what_cannot_be_compared(returned, words):
    values, problem = _values(returned)
    assert values == []
    assert words in problem.en


def test_a_mask_is_handed_over_by_the_name_that_it_has():
    assert list(_keywords(lambda q, k, v, mask=None: q, CASE) or ()) == ["mask"]
    assert list(_keywords(lambda q, k, v, attn_mask=None: q, CASE) or ()) == ["attn_mask"]
    assert list(_keywords(lambda q, k, v, my_mask=None: q, CASE) or ()) == ["my_mask"]
    assert _keywords(lambda q, k, v: q, CASE) is None
    assert _keywords(lambda q, k, v, scale=1: q, CASE) is None
