"""Vocabulary entries for a swap."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError


def pieces(explorer, query):
    return [token["piece"] for token in explorer.answer("words", {"query": query}).json["tokens"]]


def test_the_tokens_of_the_text_come_first(explorer):
    tokenizer = explorer.models.tokenizer
    for query in ("house", "Where", "riverside house"):
        own = dict.fromkeys(tokenizer.pieces(tokenizer.encode(query)))
        assert pieces(explorer, query)[: len(own)] == list(own)


def test_then_entries_that_begin_like_it_at_the_beginning_of_a_word_first(explorer):
    entries = pieces(explorer, "t")
    assert 2 < len(entries) <= 20
    starts = [piece.startswith("▁") for piece in entries[1:]]
    assert starts == sorted(starts, reverse=True)
    assert all(piece.removeprefix("▁").casefold().startswith("t") for piece in entries)
    assert len(entries) == len(set(entries))


def test_case_does_not_matter(explorer):
    assert set(pieces(explorer, "W")[1:]) & set(pieces(explorer, "w")[1:])


def test_nothing_finds_nothing(explorer):
    assert pieces(explorer, "  ") == []


def test_a_character_outside_of_the_vocabulary_is_its_bytes(explorer):
    assert pieces(explorer, "語")[-3:] == ["<0xE8>", "<0xAA>", "<0x9E>"]


def test_a_long_query_is_refused(explorer):
    with pytest.raises(ConfigError, match=r"query may have 200 characters; it has 201"):
        pieces(explorer, "a" * 201)


def test_entries_by_their_ids(explorer):
    size = explorer.models.tokenizer.vocab_size
    ids = [size - 1, 5, 7]
    tokens = explorer.answer("words", {"query": "", "ids": ids}).json["tokens"]
    assert [token["id"] for token in tokens] == ids
    assert [token["piece"] for token in tokens] == explorer.models.tokenizer.pieces(ids)
    with pytest.raises(ConfigError, match=f"0 to {size - 1}; one is {size}"):
        explorer.answer("words", {"query": "", "ids": [3, size]})
