"""What the rows of a corpus are: pairs, windows of text, and texts with a label."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.text.corpus import Pair, Skipped
from clearhead.text.kinds import PAIRS, LabelledTexts, Texts
from clearhead.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train(["a small cat sleeps on the mat", "the old dog sees a cat"] * 5, 300)
END = TOKENIZER.end_id


@given(
    words=st.lists(st.sampled_from(["a", "small", "cat", "dog"]), min_size=1, max_size=40),
    longest=st.integers(1, 20),
)
def test_every_token_of_a_text_is_in_one_window(words: list[str], longest: int) -> None:
    text = " ".join(words)
    rows = list(Texts().encode([Pair(text, "")], TOKENIZER, longest, Skipped()))
    whole = [*TOKENIZER.encode(text), END]
    assert [token for row in rows for token in row.target] == whole
    lengths = {len(row.target) for row in rows}
    assert max(lengths) <= longest
    assert max(lengths) - min(lengths) <= 1
    assert len(rows) == -(-len(whole) // longest)  # as few as there can be
    assert all(row.source == [] for row in rows)


def test_a_label_is_the_number_of_a_target() -> None:
    kind = LabelledTexts(("bad", "good"))
    counts = Skipped()
    pairs = [Pair("a cat", "good"), Pair("a dog", "bad"), Pair("a cat", "odd")]
    rows = list(kind.encode([*pairs, Pair("a small cat " * 9, "bad")], TOKENIZER, 9, counts))
    assert [row.target for row in rows] == [[1], [0]]
    assert rows[0].source == TOKENIZER.encode("a cat")
    assert counts.reasons == {
        "with a label that training has not": 1,
        "longer than 9 tokens": 1,
    }


@pytest.mark.parametrize(
    ("kind", "pairs"),
    [
        (PAIRS, [Pair("a\tcat", "un chat"), Pair("the dog", "le\nchien")]),
        (LabelledTexts(("x",)), [Pair("a cat", "x")]),
        (Texts("line"), [Pair("a cat", ""), Pair("the dog", "")]),
        (Texts("paragraph"), [Pair("a cat\nsleeps", ""), Pair("the dog", "")]),
    ],
)
def test_what_is_written_is_read_again(kind, pairs: list[Pair], tmp_path: Path) -> None:
    path = tmp_path / f"some.{kind.suffix}"
    path.write_text("".join(map(kind.line, pairs)), encoding="utf-8")
    again = list(kind.read(str(path), None))
    plain = str.maketrans("\t", " ") if kind.suffix == "txt" else str.maketrans("\t\n", "  ")
    assert again == [Pair(*(side.translate(plain) for side in pair)) for pair in pairs]


def test_what_is_empty() -> None:
    assert PAIRS.is_empty(Pair("a cat", ""))
    assert not Texts().is_empty(Pair("a cat", ""))
    assert Texts().is_empty(Pair("", ""))
