"""The exported tokenizer gives the ids of ours, and the text back."""

from __future__ import annotations

import json

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.errors import CheckpointError
from clearhead.export.tokenizer import library_tokenizer, own_tokenizer
from clearhead.text.tokenizer_file import SPACE
from tests.export.models import config_of, tokenizer

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=SPACE), min_size=1)


def exported(family: str) -> tokenizers.Tokenizer:
    content = library_tokenizer(tokenizer(), config_of(family))
    return tokenizers.Tokenizer.from_str(json.dumps(content))


@given(TEXTS.filter(lambda text: not any(s in text for s in ("<pad>", "<s>", "</s>"))))
def test_ids_and_text_are_those_of_ours(text):
    encoding = exported("Marian").encode(text)
    assert encoding.ids == [*tokenizer().encode(text), tokenizer().end_id]
    assert exported("Marian").decode(encoding.ids) == text


def test_a_prompt_begins_with_the_start_token():
    ids = exported("Llama").encode("the cat").ids
    assert ids == [tokenizer().start_id, *tokenizer().encode("the cat")]


def test_the_text_of_a_classifier_begins_and_ends():
    changes = {"encoder_layers": 1, "decoder_layers": 0, "output": {"labels": 2}}
    config = TransformerConfig.from_dict({"vocab_size": tokenizer().vocab_size, **changes})
    content = library_tokenizer(tokenizer(), config)
    ids = tokenizers.Tokenizer.from_str(json.dumps(content)).encode("the cat").ids
    ours = tokenizer()
    assert ids == [ours.start_id, *ours.encode("the cat"), ours.end_id]


def test_ours_comes_back(tmp_path):
    content = library_tokenizer(tokenizer(), config_of("Marian"))
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    again = own_tokenizer(tmp_path / "tokenizer.json")
    assert again.to_json() == tokenizer().to_json()


@pytest.mark.parametrize("content", ["{", "[]", '{"model": {"vocab": {"a": 0}, "merges": []}}'])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(CheckpointError):
        own_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("merge", ["a b c", "a", ["a"], ["a", 1], 3])
def test_a_merge_of_other_than_two_pieces_is_refused(merge, tmp_path):
    content = library_tokenizer(tokenizer(), config_of("Marian"))
    content["model"]["merges"] = [merge]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="a merge is not of two pieces"):
        own_tokenizer(tmp_path / "tokenizer.json")
