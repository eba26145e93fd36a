"""No control character of a stranger's text reaches a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.visible import json_text, quoted, visible


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("Où est la gare ? Tschüß, 你好 👩‍👩‍👧 \u202fé e\u0301", None),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b2J", r"\x9b2J"),
        ("\x07\x08\x00\x7f", r"\x07\x08\x00\x7f"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\ud83d", r"\ud83d"),
        ("<0x1B>", None),
    ],
)
def test_controls_are_shown_as_escapes(text, escaped):
    assert visible(text) == (text if escaped is None else escaped)


def test_what_is_kept_stays():
    assert visible("a\nb\tc\x1b", keep="\n\t") == "a\nb\tc\\x1b"


@given(st.text(alphabet=st.characters()))
def test_no_control_comes_through_and_no_other_character_changes(text):
    escaped = visible(text)
    escaped.encode("utf-8")
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in escaped)
    assert visible(escaped) == escaped
    if text.isprintable():
        assert escaped == text


@given(st.recursive(st.text() | st.integers() | st.none(), lambda x: st.lists(x, max_size=3)))
def test_json_says_the_same_and_holds_no_control(value):
    text = json_text(value)
    assert json.loads(text) == value
    assert visible(text) == text


def test_json_is_readable():
    assert json_text({"é": "\x1b\x9b"}, indent=1) == '{\n "é": "\\u001b\\u009b"\n}'


@pytest.mark.parametrize("value", ["x" * 10**6, ["x"] * 1000, 10**200, {"a": "\x1b" * 999}])
def test_what_is_quoted_is_short(value):
    assert len(quoted(value)) <= 80
    assert "\x1b" not in quoted(value)
    assert quoted(value).endswith("...")


def test_short_values_are_quoted_whole():
    assert quoted("a\x1b") == r"'a\x1b'"
    assert quoted(3) == "3"
