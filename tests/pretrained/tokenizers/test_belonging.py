"""A tokenizer of another model is noticed, as far as the files say."""

from __future__ import annotations

import pytest

from clearhead.errors import CheckpointError, TextError
from clearhead.pretrained.tokenizers.belonging import check_belongs
from clearhead.pretrained.tokenizers.reading import read_tokenizer
from tests.pretrained.tokenizers import folders
from tests.pretrained.tokenizers.folders import CONFIG

TRANSLATOR = CONFIG.replace(encoder_layers=1)


@pytest.mark.parametrize("name", ["GPT-2", "BERT", "T5", "Marian"])
def test_more_ids_than_the_model_has_are_refused(tmp_path, name):
    config = folders.write(tmp_path, name)
    size = read_tokenizer(tmp_path, config, CONFIG)[0].vocab_size
    assert read_tokenizer(tmp_path, config, CONFIG.replace(vocab_size=size))[0] is not None
    with pytest.raises(CheckpointError, match=f"has {size} ids and the model only {size - 1}"):
        read_tokenizer(tmp_path, config, CONFIG.replace(vocab_size=size - 1))


def test_an_addition_behind_the_ids_of_the_model_is_refused_in_a_text(tmp_path):
    config = folders.write(tmp_path, "Qwen 2")  # with two tokens behind its vocabulary
    whole = read_tokenizer(tmp_path, config, CONFIG)[0]
    small = CONFIG.replace(vocab_size=whole.vocab_size - 2)
    tokenizer = read_tokenizer(tmp_path, config, small)[0]
    assert tokenizer.encode("the fox") == whole.encode("the fox")
    with pytest.raises(TextError, match="holds the token '<tool>' with the id"):
        tokenizer.encode("the <tool>")


@pytest.mark.parametrize(("key", "own"), [("pad_token_id", 0), ("eos_token_id", 1)])
def test_special_ids_that_the_config_contradicts_are_refused(tmp_path, key, own):
    config = folders.write(tmp_path, "T5")
    tokenizer = read_tokenizer(tmp_path, config, TRANSLATOR)[0]
    check_belongs(tmp_path, tokenizer, {key: own}, TRANSLATOR)
    check_belongs(tmp_path, tokenizer, {key: None}, TRANSLATOR)
    words = f"{key} is 5 in config.json and {own} by the tokenizer"
    with pytest.raises(CheckpointError, match=words):
        check_belongs(tmp_path, tokenizer, {key: 5}, TRANSLATOR)
    check_belongs(tmp_path, tokenizer, {key: 5}, CONFIG)  # a decoder that learnt to chat
