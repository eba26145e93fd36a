"""A text as the token ids of a model with one stack."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ShapeError, TextError
from clearhead.explorer.models.text import prompt_ids


def test_ids_are_plain_numbers():
    ids = prompt_ids(lambda text: np.arange(3), "a b c", 3)
    assert ids == (0, 1, 2)
    assert all(type(token) is int for token in ids)


@pytest.mark.parametrize(
    ("text", "ids", "kind", "words"),
    [
        ("a b", range(4), ShapeError, r"has 4 tokens, and this model reads at most 3 here\. Give"),
        (" ", (), TextError, r"makes no token of this text\. Give another"),
        ("a\ud800b", (1,), TextError, r"lone surrogate, half of a character, at place 1\. Take"),
    ],
)
def test_what_cannot_be_read_is_refused(text, ids, kind, words):
    with pytest.raises(kind, match=words):
        prompt_ids(lambda _: list(ids), text, 3)
