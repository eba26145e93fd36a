"""Our tokenizer in the words of the others'."""

from __future__ import annotations

import pytest

from clearhead.config import TransformerConfig
from clearhead.config_parts import OutputConfig
from clearhead.errors import TextError
from clearhead.tasks.own_tokenizer import OwnTokenizer
from clearhead.text.tokenizer import Tokenizer

INNER = Tokenizer.train(["the cat sleeps", "le chat dort"] * 5, 280)
SIZES = {"vocab_size": INNER.vocab_size, "d_model": 8, "num_heads": 2, "feed_forward_dim": 8}


def tokenizer_of(encoder_layers):
    config = TransformerConfig(**SIZES, encoder_layers=encoder_layers, decoder_layers=1)
    return OwnTokenizer(INNER, config)


def test_a_source_ends_and_a_prompt_begins():
    plain = INNER.encode("the cat")
    assert tokenizer_of(1).encode("the cat") == [*plain, INNER.end_id]
    assert tokenizer_of(0).encode("the cat") == [INNER.start_id, *plain]
    assert tokenizer_of(0).encode_plain("the cat") == plain
    assert tokenizer_of(1).encode_target("le chat") == [*INNER.encode("le chat"), INNER.end_id]


def test_ids_become_text_again():
    tokenizer = tokenizer_of(1)
    ids = tokenizer.encode("the cat")
    assert tokenizer.decode(ids) == "the cat"
    assert "".join(tokenizer.pieces(ids[:-1])).replace("▁", " ").strip() == "the cat"
    assert [tokenizer.id_of(piece) for piece in tokenizer.pieces(ids)] == ids
    assert tokenizer.id_of("no such piece") is None
    assert tokenizer.vocab_size == INNER.vocab_size
    assert set(tokenizer.roles.values()) == tokenizer.special_ids


def test_what_it_has_not():
    tokenizer = tokenizer_of(1)
    with pytest.raises(TextError, match="no tokens for languages; fr came"):
        tokenizer.encode("the cat", language="fr")
    with pytest.raises(TextError, match="one text at a time"):
        tokenizer.encode_pair("the", "cat")


def test_a_continuation_keeps_its_space():
    tokenizer = tokenizer_of(0)
    prompt, rest = tokenizer.encode("the"), INNER.encode("cat sleeps")
    assert tokenizer.decode(prompt) == "the"
    assert tokenizer.decode([*prompt, *rest]) == "the cat sleeps"
    assert tokenizer.decode(rest) == tokenizer.decode([*rest, INNER.end_id]) == " cat sleeps"
    assert tokenizer.decode([]) == ""
    assert tokenizer_of(1).decode(rest) == "cat sleeps"


def test_a_text_to_classify_begins_and_ends():
    output = OutputConfig(labels=2)
    config = TransformerConfig(**SIZES, encoder_layers=1, decoder_layers=0, output=output)
    plain = INNER.encode("the cat")
    assert OwnTokenizer(INNER, config).encode("the cat") == [INNER.start_id, *plain, INNER.end_id]
