from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.opening import is_name, opening


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Tom: Come with me!", [("Tom: ", False, "speaker")]),
        ("Mary Jane: Yes.", [("Mary Jane: ", False, "speaker")]),
        ("Note: Close the door.", [("Note", True, "label"), (": ", False, "label")]),
        ("He said: Come in.", [("He said", True, "label"), (": ", False, "label")]),
        ("Remember: Close the door.", [("Remember", True, "label"), (": ", False, "label")]),
        (
            "Tom (laughing): Come in!",
            [("Tom", False, "speaker"), (" (", False, "note"), ("laughing", True, "note"),
             (")", False, "note"), (": ", False, "speaker")],
        ),
        (
            "(laughs) Come in!",
            [("(", False, "note"), ("laughs", True, "note"), (") ", False, "note")],
        ),
        ("[Tom] Come in!", [("[Tom] ", False, "speaker")]),
        ("[2] Come in!", [("[2] ", False, "speaker")]),
        ("[00:01:02] Come in!", [("[00:01:02] ", False, "time")]),
        ("(12:30) Come in!", [("(12:30) ", False, "time")]),
        ("12:30 Come in!", [("12:30 ", False, "time")]),
        ("12:30 - Come in!", [("12:30 - ", False, "time")]),
        ("Tom - Come in!", [("Tom", True, "label"), (" - ", False, "label")]),
        ("Mary Jane — Come in!", [("Mary Jane", True, "label"), (" — ", False, "label")]),
    ],
)  # fmt: skip
def test_what_a_sentence_opens_with(text, parts):
    assert [(part.text, part.translate, part.rule) for part in opening(text)] == parts


@pytest.mark.parametrize(
    "text",
    ["Dr. Brown: Yes.", "Time: 10:30", "At 10:30 we left.", "https://example.org: Yes.",
     "You need: tea and milk.", "12:30 is fine for me.", "(Tom)", "Close the door.",
     "Yes - I love tea.", "Breakfast - Eggs and bacon", "The Paris - London train is late.",
     "(I was there) but he was not.", "Tom:", "[Tom] ", "12:30 "],
)  # fmt: skip
def test_what_opens_no_sentence(text):
    assert opening(text) == []


def test_a_name_is_told_from_other_words():
    names = [words for words in ("Tom", "Mary Jane", "Note", "He", "Mr. Brown", "the cat", "Total")
             if is_name(words)]  # fmt: skip
    assert names == ["Tom", "Mary Jane", "Mr. Brown"]


@given(st.text("aB. :()[]-—Tom1234", max_size=60))
def test_an_opening_is_what_the_sentence_begins_with(text):
    parts = opening(text)
    opening_text = "".join(part.text for part in parts)
    assert text.startswith(opening_text)
    assert not parts or any(map(str.isalpha, text[len(opening_text) :]))
