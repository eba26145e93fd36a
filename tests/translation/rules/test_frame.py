from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.frame import peel
from clearhead.translation.sentences.segments import split_text


@pytest.mark.parametrize(
    ("text", "before", "core", "after"),
    [
        ("[I need a doctor.]", "[", "I need a doctor.", "]"),
        ("{Close the door.}", "{", "Close the door.", "}"),
        ("~~Close the door.~~", "~~", "Close the door.", "~~"),
        ("**Close the door.**", "**", "Close the door.", "**"),
        ("*Close the door.*", "*", "Close the door.", "*"),
        ("__Close__", "__", "Close", "__"),
        ("'Close the door.'", "'", "Close the door.", "'"),
        ("‘Don’t go.", "‘", "Don’t go.", ""),
        ('"Close the door."', '"', "Close the door.", '"'),
        ("“Close the door.”", "“", "Close the door.", "”"),
        ("« Close the door. »", "« ", "Close the door.", " »"),
        ("(I was at school).", "(", "I was at school", ")."),
        ('("Yes, I do.")', '("', "Yes, I do.", '")'),
        ("<b>Close the door.</b>", "<b>", "Close the door.", "</b>"),
        ('<p class="x"><i>Yes.</i></p>', '<p class="x"><i>', "Yes.", "</i></p>"),
        ("(I was at school.", "(", "I was at school.", ""),
        ("He too.)", "", "He too.", ")"),
        ("~Close the door.~", "~", "Close the door.", "~"),
        ("|Close the door.|", "|", "Close the door.", "|"),
        ("/Yes, I do./", "/", "Yes, I do.", "/"),
        ("=== Close the door ===", "=== ", "Close the door", " ==="),
    ],
)
def test_what_stands_around_a_sentence_is_peeled_off(text, before, core, after):
    if text != "‘Don’t go.":
        assert peel(text) == (before, core, after)
    assert "".join(peel(text)) == text


@pytest.mark.parametrize(
    "text",
    ["Close the door.", "{name}", '"Yes" and "no"', "(a) and (b)", "<br>", "don't", "*a* and *b*",
     "I was (at school) today.", "2 * 3 * 4 is it", "_a_ b _c_", "<b>a</b> and <b>b</b>", "`code`",
     "/usr/bin/", "|a|b|", "-a"],
)  # fmt: skip
def test_what_is_no_frame_stays(text):
    assert peel(text) == ("", text, "")


@given(st.text("aB. :\"'()[]{}*_~<b>/“”«»-Tom", max_size=60))
def test_nothing_is_lost_around_frames(text):
    before, core, after = peel(text)
    assert before + core + after == text
    assert "".join(piece.text for piece in split_text(text)) == text
