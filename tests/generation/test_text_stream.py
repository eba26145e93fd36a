from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from clearhead.generation.text_stream import TextStream, stream_text


def byte_level() -> Tokenizer:
    """Every byte a token, as the rarest characters of GPT-2 are spelled."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def metaspace() -> Tokenizer:
    """Pieces whose space belongs to the piece after it, as SentencePiece has it."""
    pieces = ["<unk>", "▁Two", "▁cup", "s", "▁of", "▁tea", "."]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]))
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


TEXTS = st.text(st.sampled_from("ab é€日😀\N{REPLACEMENT CHARACTER}\n"), max_size=12)


@given(text=TEXTS)
def test_pieces_are_whole_characters_and_together_the_text(text):
    tokenizer = byte_level()
    pieces = list(stream_text(tokenizer.decode, tokenizer.encode(text).ids))
    assert "".join(pieces) == text
    assert all(pieces)
    if "\N{REPLACEMENT CHARACTER}" not in text:
        assert len(pieces) == len(text)  # every character as soon as its last byte is there


@given(tokens=st.lists(st.integers(0, 255), max_size=12))
def test_bytes_that_are_no_text_end_as_the_tokenizer_says(tokens):
    tokenizer = byte_level()
    assert "".join(stream_text(tokenizer.decode, tokens)) == tokenizer.decode(tokens)


def test_spaces_before_pieces():
    pieces = list(stream_text(metaspace().decode, [1, 2, 3, 4, 5, 6]))
    assert pieces == ["Two", " cup", "s", " of", " tea", "."]


def test_a_decoder_that_tidies_up_is_waited_for():
    def decode(tokens):
        return "".join("a '!"[token] for token in tokens).replace(" '", "'")

    stream = TextStream(decode)
    assert [stream.add(token) for token in (0, 1, 2, 3)] == ["a", " ", "", ""]
    assert stream.end() == "'!"


def test_incomplete_characters_are_held_back():
    tokenizer = byte_level()
    stream = TextStream(tokenizer.decode)
    first, second, third = tokenizer.encode("€").ids
    assert [stream.add(first), stream.add(second), stream.add(third)] == ["", "", "€"]
    assert stream.add(first) == ""
    assert stream.end() == "\N{REPLACEMENT CHARACTER}"


def test_no_tokens_no_text():
    assert list(stream_text(byte_level().decode, [])) == []
