"""Tokens as a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from clearhead.pretrained.tokenizers.pieces import byte_of_letter, readable, readable_bytes


def test_the_letters_of_bytes_are_those_of_the_library():
    letters = byte_of_letter()
    assert set(letters) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(letters.values()) == list(range(256))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_every_letter_stands_for_the_byte_of_the_library(text):
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    letters = byte_of_letter()
    content = bytes(letters[letter] for piece, _ in pieces for letter in piece)
    assert content.decode() == text


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        ("Ġthe", "▁the"),
        ("ĠĠ", "▁▁"),
        ("cafÃ©", "café"),
        ("Ċ", "\\n"),
        ("ðŁĻĤ", "🙂"),
        ("ðŁ", "<0xF0><0x9F>"),
        ("Ã©Ã", "é<0xC3>"),
        ("<|endoftext|>", "<|endoftext|>"),
        ("ſ▁", "ſ▁"),
        ("", ""),
    ],
)
def test_a_token_of_bytes_is_readable(piece, text):
    assert readable_bytes(piece) == text


def test_other_tokens_are_safe_to_print():
    assert readable("▁the") == "▁the"
    assert readable("a b\x1b[2J\n") == "a▁b\\x1b[2J\\n"
    assert readable("##ing") == "##ing"
