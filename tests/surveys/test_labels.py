"""Tokens of byte-level tokenizers are shown as people read them."""

from __future__ import annotations

from clearhead.surveys.labels import label_of


class Words:
    """Decodes a token of two bytes, and no part of one."""

    def decode(self, ids, *, clean_up_tokenization_spaces):
        return {0: " é", 1: "\N{REPLACEMENT CHARACTER}"}[ids[0]]


def test_a_token_is_decoded_and_a_part_of_a_character_is_its_bytes():
    assert label_of(Words(), 0, "ĠÃ©") == "▁é"
    assert label_of(Words(), 1, "Ã") == "<C3>"
    assert label_of(Words(), 2, "a\nb") == "a↵b"
    assert label_of(Words(), 2, "▁the") == "▁the"
