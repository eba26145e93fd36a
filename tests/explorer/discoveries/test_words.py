"""Words begin at the sign that a tokenizer writes; marks stand alone, special tokens are none."""

from __future__ import annotations

import pytest

from clearhead.explorer.discoveries.words import Tokens


def spans(pieces, *, first=0, special=("</s>", "[CLS]"), signs=None):
    """(text, start, stop) of each word; a piece's id is its place, and its text is itself."""
    tokens = [
        {"id": place, "piece": piece, "special": piece in special}
        for place, piece in enumerate(pieces)
    ]

    def decode(ids):
        return "".join(pieces[place] for place in ids).replace("▁", " ").replace("Ġ", " ")

    all_signs = signs and [{"id": 0, "piece": piece, "special": False} for piece in signs]
    words = Tokens(tokens, decode, first, all_signs).words()
    return [(word["text"], word["start"], word["stop"]) for word in words]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["▁The", "▁cat", "▁sleep", "s", ".", "</s>"],
         [("The", 0, 1), ("cat", 1, 2), ("sleeps", 2, 4), (".", 4, 5)]),
        (["▁J'", "aimerais", "▁l'", "eau", "!", "?"],
         [("J'aimerais", 0, 2), ("l'eau", 2, 4), ("!", 4, 5), ("?", 5, 6)]),
        (["Once", "Ġup", "on", ",", "Ġa"],
         [("Once", 0, 1), ("upon", 1, 3), (",", 3, 4), ("a", 4, 5)]),
        (["[CLS]", "sleep", "##s", "on"], [("sleep##s", 1, 3), ("on", 3, 4)]),
        (["a", "b"], [("a", 0, 1), ("b", 1, 2)]),
        (["▁na", "<0xC3>", "<0xAF>", "ve"], [("na<0xC3><0xAF>ve", 0, 4)]),
        (["▁a", "</s>", "b"], [("a", 0, 1), ("b", 2, 3)]),
        ([], []),
    ],
)  # fmt: skip
def test_words_begin_where_the_sign_stands(pieces, expected):
    assert spans(pieces) == expected


def test_positions_count_from_the_first_and_signs_may_stand_elsewhere():
    assert spans(["s", "ing"], first=5, signs=["▁sleep"]) == [("sing", 5, 7)]
    assert spans(["s", "ing"], first=5) == [("s", 5, 6), ("ing", 6, 7)]


def test_a_word_that_decodes_to_nothing_is_its_pieces():
    tokens = [{"id": 7, "piece": "▁", "special": False}]
    assert Tokens(tokens, lambda ids: "").words()[0]["text"] == "▁"
