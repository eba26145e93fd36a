"""Where a map came from, and the tokens at its sides."""

from __future__ import annotations

import pytest

from clearhead.errors import ShapeError
from clearhead.maps.storage.provenance import Source, checked_labels


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (Source(), "self-attention"),
        (Source(kind="cross", module="layers.3"), "cross-attention of layers.3"),
        (Source(model="Llama", kernel="flash"), "self-attention in Llama, computed by flash"),
        (
            Source(model="Llama", module="layers.3", kernel="flash", dropout=0.1, call=2),
            "self-attention of layers.3 in Llama, computed by flash",
        ),
    ],
)
def test_a_source_in_words(source, text):
    assert str(source) == text


def test_one_row_of_labels_is_for_every_row_of_the_batch():
    assert checked_labels(["a", "b"], 3, 2, "key_labels") == (("a", "b"),) * 3
    assert checked_labels([["a"], ["b"]], 2, 1, "key_labels") == (("a",), ("b",))
    assert checked_labels(None, 2, 1, "key_labels") is None
    assert checked_labels([], 2, 0, "key_labels") == ((), ())


@pytest.mark.parametrize(
    ("labels", "lengths"),
    [(["a"], "[1, 1]"), ([["a", "b"]], "[2]"), ([["a", "b"], ["c"]], "[2, 1]")],
)
def test_labels_of_another_number_are_refused(labels, lengths):
    with pytest.raises(ShapeError) as error:
        checked_labels(labels, 2, 2, "query_labels")
    assert str(error.value) == (
        "query_labels must be 2 tokens, or such a list for each of 2 batch rows; got lengths "
        f"{lengths}."
    )
