"""Rows by the tokenizer of a model, and the batches that they become."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from clearhead.text.corpus import Pair, Skipped
from clearhead.text.kinds import PAIRS, LabelledTexts, Texts
from clearhead.text.tokenizer import Tokenizer
from clearhead.training.initial.origin import Origin, read_origin
from clearhead.training.initial.rows import NOTHING, origin_form, origin_kind
from clearhead.training.tasks.task import CLASSIFICATION, LANGUAGE, TRANSLATION
from tests.training.initial.folders import save_model, settings_of

OURS = Tokenizer.train(["a b"] * 9, 260)  # which no row is cut with


def origin_of(name: str, tmp_path: Path) -> Origin:
    save_model(tmp_path / "model", name)
    origin = read_origin(settings_of(name, tmp_path, tmp_path / "model"))
    assert origin is not None
    return origin


def test_pairs_have_the_special_tokens_of_each_side(tmp_path: Path) -> None:
    origin = origin_of("NLLB", tmp_path)
    assert origin.pretrained is not None
    tokenizer, skip_counts = origin.pretrained.require_tokenizer(), Skipped()
    kind = origin_kind(origin, TRANSLATION, PAIRS)
    pairs = [Pair("hello", "the fox"), Pair("hello " * 30, "fox"), Pair("a<pad>b", "fox")]
    (row,) = kind.encode(pairs, OURS, 40, skip_counts)
    english, french, end = (*map(tokenizer.languages.get, ("eng_Latn", "fra_Latn")), 2)
    assert (row.source[0], row.target[0]) == (english, french)
    assert (row.source[-1], row.target[-1]) == (end, end)
    assert dict(skip_counts.reasons) == {
        "longer than 40 tokens": 1,
        "with the token of padding in it": 1,
    }
    batch = origin_form(origin, TRANSLATION).make([row.source, [5]], [row.target, [6, end]])
    start, pad = origin.config.start_id, origin.config.pad_id
    assert batch.target_input[0].tolist() == [start, *row.target[:-1]]
    assert batch.target_output[1].tolist()[:3] == [6, end, NOTHING]
    assert batch.source[1].tolist()[:2] == [5, pad]
    assert batch.target_tokens == len(row.target) + 2


def test_the_decoder_of_mbart_begins_with_the_last_token(tmp_path: Path) -> None:
    batch = origin_form(origin_of("mBART", tmp_path), TRANSLATION).make([[5, 6]], [[7, 8, 2, 9]])
    assert batch.target_input.tolist() == [[9, 7, 8, 2]]
    assert batch.target_output.tolist() == [[7, 8, 2, 9]]


@pytest.mark.parametrize(("name", "begins"), [("GPT-2", False), ("Llama", True)])
def test_windows_begin_as_prompts_do(tmp_path: Path, name: str, begins: bool) -> None:
    """With a start token where the tokenizer has one; otherwise nothing predicts the first."""
    origin, skip_counts = origin_of(name, tmp_path), Skipped()
    assert origin.pretrained is not None
    tokenizer = origin.pretrained.require_tokenizer()
    kind = origin_kind(origin, LANGUAGE, Texts("line"))
    texts = [Pair("hello the quick brown fox", "")]
    whole = [*tokenizer.encode_plain(texts[0].source), tokenizer.roles["end"]]
    rows = [row.target for row in kind.encode(texts, OURS, 4, skip_counts)]
    assert np.concatenate(rows).tolist() == whole
    batch = origin_form(origin, LANGUAGE).make([[]], [whole])
    assert batch.target_output[0].tolist() == (whole if begins else whole[1:])
    lead = [tokenizer.roles["start"]] if begins else []
    assert batch.target_input[0].tolist() == [*lead, *whole][:-1]
    assert origin_form(origin, LANGUAGE).target_specials == (0 if begins else -1)


def test_labels_are_predicted_at_the_first_token(tmp_path: Path) -> None:
    origin, skip_counts = origin_of("BERT", tmp_path), Skipped()
    assert origin.pretrained is not None
    roles = origin.pretrained.require_tokenizer().roles
    kind = origin_kind(origin, CLASSIFICATION, LabelledTexts(("no", "yes")))
    pairs = [Pair("hello", "yes"), Pair("hello", "maybe")]
    (row,) = kind.encode(pairs, OURS, 40, skip_counts)
    assert (row.source[0], row.source[-1]) == (roles["class"], roles["separator"])
    assert row.target == [1]
    assert skip_counts.reasons["with a label that training has not"] == 1
    batch = origin_form(origin, CLASSIFICATION).make([row.source], [row.target])
    assert batch.target_output.tolist() == [[1]]
    assert batch.target_input.shape == (1, 0)
    assert (kind.noun, kind.line(pairs[0])) == ("labelled text", "hello\tyes\n")


def test_a_token_that_the_model_has_no_vector_for_is_counted(tmp_path: Path) -> None:
    origin, skip_counts = origin_of("BART", tmp_path), Skipped()
    assert origin.pretrained is not None
    config = origin.config.replace(vocab_size=50)
    small = dataclasses.replace(origin.pretrained, config=config)
    kind = origin_kind(dataclasses.replace(origin, pretrained=small), TRANSLATION, PAIRS)
    assert list(kind.encode([Pair("hello", "world")], OURS, 40, skip_counts)) == []
    assert skip_counts.reasons["with a token that the model has no vector for"] == 1
