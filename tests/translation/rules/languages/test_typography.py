from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.languages.english import ENGLISH
from clearhead.translation.rules.languages.french import FRENCH
from clearhead.translation.rules.languages.language import NEUTRAL
from clearhead.translation.rules.languages.typography import write_marks


@pytest.mark.parametrize(
    ("french", "english"),
    [
        ("« ", "“"),
        ("«\u00a0", "“"),
        ("«", "“"),
        ("\u202f»", "”"),
        (" » !", "”!"),
        (" : ", ": "),
        ("\u00a0?", "?"),
        (" (", " ("),
        ("**", "**"),
        ('"', '"'),
        (" — ", " — "),
        ("Marie : ", "Marie: "),
        (" :smile: ", " :smile: "),
    ],
)
def test_french_marks_become_english_ones(french, english):
    assert write_marks(french, FRENCH, ENGLISH) == english


@given(st.text('« »\u202f\u00a0!?:;"“”( )*a', max_size=20))
def test_between_other_languages_marks_stay(marks):
    for source, target in [(ENGLISH, FRENCH), (ENGLISH, ENGLISH), (FRENCH, NEUTRAL),
                           (NEUTRAL, ENGLISH), (FRENCH, FRENCH)]:  # fmt: skip
        assert write_marks(marks, source, target) == marks


@given(st.text('« »\u202f\u00a0!?:;"“”( )*a', max_size=20))
def test_only_spaces_and_quotes_change(marks):
    written = write_marks(marks, FRENCH, ENGLISH)
    plain = str.maketrans({"«": "“", "»": "”", " ": "", "\u202f": "", "\u00a0": ""})
    assert written.translate(plain) == marks.translate(plain)
    assert not set("«»") & set(written)
