"""Words for masks, against the pipeline of transformers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.tasks.fill_mask import fill_mask
from tests.pretrained.encoders.comparing import encoder_of, torch, transformers
from tests.tasks.small_models import BERT_VOCAB, WORDS, bert_folder, roberta_folder


def pipeline_of(model, tokenizer):
    return transformers.pipeline("fill-mask", model=model.double(), tokenizer=tokenizer)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    saved = bert_folder(folder)
    return encoder_of(folder), pipeline_of(*saved)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roberta")
    saved = roberta_folder(folder)
    return encoder_of(folder), pipeline_of(*saved)


def assert_one_mask(encoder, pipeline, text, top=5):
    result, truth = fill_mask(encoder, text, top=top), pipeline(text, top_k=top)
    assert [one.token_id for one in result.masks[0]] == [one["token"] for one in truth]
    assert [one.token for one in result.masks[0]] == [one["token_str"] for one in truth]
    assert [one.text for one in result.masks[0]] == [one["sequence"] for one in truth]
    np.testing.assert_allclose(
        [one.probability for one in result.masks[0]], [one["score"] for one in truth], atol=1e-9
    )
    assert result.completed == truth[0]["sequence"]


@settings(max_examples=15)
@given(st.lists(st.sampled_from(WORDS), max_size=6), st.lists(st.sampled_from(WORDS), max_size=6))
def test_of_bert(bert, before, after):
    assert_one_mask(*bert, " ".join([*before, "[MASK]", *after]))


@pytest.mark.parametrize("text", ["the <mask> cat", "<mask>", "the cat<mask>!", "a\n  <mask>é"])
def test_of_roberta(roberta, text):
    assert_one_mask(*roberta, text)


def test_every_token_of_the_vocabulary(bert):
    result = fill_mask(bert[0], "the [MASK]", top=len(BERT_VOCAB))
    assert sum(one.probability for one in result.masks[0]) == pytest.approx(1)


def test_several_masks(bert):
    encoder, pipeline = bert
    text = "The [MASK] of [MASK]!"
    result, truth = fill_mask(encoder, text, top=3), pipeline(text, top_k=3)
    assert result.positions == (2, 4)
    for mask, true in zip(result.masks, truth, strict=True):
        assert [one.token_id for one in mask] == [one["token"] for one in true]
        np.testing.assert_allclose([one.probability for one in mask], [o["score"] for o in true])
    best = [mask[0].token for mask in result.masks]
    ids = [2, BERT_VOCAB["the"], 0, BERT_VOCAB["of"], 0, BERT_VOCAB["!"], 3]
    ids[2], ids[4] = (mask[0].token_id for mask in result.masks)
    assert result.completed == pipeline.tokenizer.decode(ids, skip_special_tokens=True)
    lines = repr(result).splitlines()
    assert lines[0] == text
    assert lines[1].startswith(f"  token 2: {best[0]} {result.masks[0][0].probability:.3f}, ")
    assert lines[-1] == f"  {result.completed}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text": "the cat"}, r"has no mask to fill\. Write \[MASK\]"),
        ({"text": "the <mask>"}, r"Write \[MASK\]"),
        ({"text": "the [MASK] " * 12}, "26 tokens, and this model reads at most 16"),
        ({"text": "[MASK]", "top": 0}, f"from 1 to {len(BERT_VOCAB)}"),
        ({"text": "[MASK]", "top": len(BERT_VOCAB) + 1}, "top must be"),
    ],
)
def test_what_is_refused(bert, arguments, words):
    with pytest.raises((ConfigError, TextError), match=words):
        fill_mask(bert[0], **arguments)


def test_a_model_without_the_head(tmp_path):
    bert_folder(tmp_path, "BertModel")
    with pytest.raises(CheckpointError, match="no head for masked words"):
        fill_mask(encoder_of(tmp_path), "the [MASK]")


def test_a_tokenizer_without_a_mask(tmp_path):
    bert_folder(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    settings_ = json.loads(path.read_text())
    del settings_["mask_token"]
    path.write_text(json.dumps(settings_))
    with pytest.raises(CheckpointError, match="names no mask token"):
        fill_mask(encoder_of(tmp_path), "the [MASK]")


def test_rows_of_the_vocabulary_that_no_token_has_are_no_candidates(tmp_path):
    model, _ = bert_folder(tmp_path, surplus=5)
    with_rows = encoder_of(tmp_path)
    assert with_rows.model.vocab_size == len(BERT_VOCAB) + 5
    result = fill_mask(with_rows, "the [MASK]", top=len(BERT_VOCAB))
    assert {one.token_id for one in result.masks[0]} == set(BERT_VOCAB.values())
    ids = torch.tensor([[2, BERT_VOCAB["the"], 4, 3]])
    with torch.no_grad():
        truth = model.double()(ids).logits[0, 2].softmax(-1)
    rest = truth[len(BERT_VOCAB) :].sum().item()
    assert sum(one.probability for one in result.masks[0]) == pytest.approx(1 - rest)
    with pytest.raises(ConfigError, match="top must be"):
        fill_mask(with_rows, "the [MASK]", top=len(BERT_VOCAB) + 1)
