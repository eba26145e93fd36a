"""Texts and ids that a model writes."""

from __future__ import annotations

import pytest

from clearhead.errors import ShapeError
from clearhead.generation.settings import GenerationSettings
from clearhead.pretrained.reading import read_pretrained
from clearhead.tasks.ground import ground_of
from clearhead.tasks.writing import (
    GENERATE_NEW_TOKENS,
    generate_ids,
    generate_texts,
    ids_of,
    prompt_ids,
    stream_pieces,
)
from tests.tasks import tiny_models as tiny


@pytest.fixture(scope="module")
def ground():
    return ground_of(read_pretrained(tiny.folder_of("llama")), "float32")


def test_texts_come_with_their_tokens(ground):
    (text,) = generate_texts(ground, ["The old"], {"max_new_tokens": 4})
    tokenizer = ground.tokenizer
    assert text.prompt == "The old"
    assert len(text.ids) == len(text.token_log_probs)
    assert text.tokens == tuple(tokenizer.pieces(text.ids))
    assert text.score == pytest.approx(sum(text.token_log_probs))
    assert "".join(stream_pieces(ground, "The old", {"max_new_tokens": 4})) == text.text


def test_one_input_gives_a_row_and_several_a_list(ground):
    row = generate_ids(ground, [5, 6], None, {"max_new_tokens": 3})
    assert len(row) == 3
    assert generate_ids(ground, [[5, 6]], None, {"max_new_tokens": 3}) == [row]
    samples = {"max_new_tokens": 3, "do_sample": True, "num_return_sequences": 2, "seed": 1}
    assert len(generate_ids(ground, [5, 6], None, samples)) == 2
    assert generate_ids(ground, [], None, {}) == []


def test_without_a_length_it_is_that_of_transformers(ground):
    settings = GenerationSettings()
    assert [len(row) for row in ids_of(ground, [[5, 6]], None, settings)] == [GENERATE_NEW_TOKENS]
    assert len(ids_of(ground, [[5, 6]], None, GenerationSettings(max_length=4))[0]) == 2


def test_a_mask_of_a_single_row(ground):
    alone = generate_ids(ground, [5, 6], None, {"max_new_tokens": 3})
    assert generate_ids(ground, [0, 5, 6], [0, 1, 1], {"max_new_tokens": 3}) == alone
    with pytest.raises(ShapeError, match="same length"):
        generate_ids(ground, [[5], [5, 6]], [[1, 0], [1, 1]], {})


def test_a_prompt_of_no_token(ground):
    assert prompt_ids(ground, "") == [tiny.END]  # its start token
    assert prompt_ids(ground, "The old") == ground.tokenizer.encode("The old")
