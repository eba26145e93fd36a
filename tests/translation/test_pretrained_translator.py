"""Translating with translators of others, against transformers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.tasks.loading import load
from clearhead.translation.pretrained_translator import PretrainedTranslator
from clearhead.translation.translator import Translator
from tests.tasks import tiny_models as tiny
from tests.translation.pretrained_translators import TEXTS, add_settings, saved, translated


def test_marian_with_its_two_sentencepiece_models(tmp_path):
    model, tokenizer = saved(tmp_path, "Marian")
    translator = PretrainedTranslator.load(tmp_path)
    for text in TEXTS:
        translation = translator.translate(text, split=False)
        assert translation.text == translated(model, tokenizer, text)
    together = translator.translate(TEXTS, split=False, batch_tokens=8)
    assert [one.text for one in together] == [translated(model, tokenizer, text) for text in TEXTS]


def test_a_language_before_the_source(tmp_path):
    model, tokenizer = saved(tmp_path, "Marian")
    translator = PretrainedTranslator.load(tmp_path, task="en-fra")
    expected = translated(model, tokenizer, f">>fra<< {TEXTS[0]}")
    assert translator.translate(TEXTS[0]).text == expected


def test_m2m_100_with_languages(tmp_path):
    model, tokenizer = saved(tmp_path, "M2M100")
    translator = Translator.load(tmp_path, task="en-de")
    assert isinstance(translator, PretrainedTranslator)
    tokenizer.src_lang = "en"
    forced = tokenizer.get_lang_id("de")
    for text in TEXTS:
        expected = translated(model, tokenizer, text, forced_bos_token_id=forced, num_beams=4)
        assert translator.translate(text, split=False, beam_size=4).text == expected
    assert translator.encode_target("hello")[0] == forced


def test_t5_with_the_settings_of_a_task(tmp_path):
    model, tokenizer = saved(tmp_path, "T5")
    tasks = {"translation_en_to_fr": {"prefix": "the fox: ", "num_beams": 4, "max_length": 9}}
    add_settings(tmp_path, task_specific_params={**tasks, "summarization": {}})
    translator = PretrainedTranslator.load(tmp_path, task="en-fr")
    for text in TEXTS:
        expected = translated(model, tokenizer, f"the fox: {text}", num_beams=4, max_length=9)
        translation = translator.translate(text, split=False)
        assert translation.text == expected
        assert translation.segments[0].read == f"the fox: {text}"


def test_lines_and_sentences_come_through():
    translator = PretrainedTranslator.load(tiny.folder_of("marian"))
    text = "  The old house.\n\nA cat.  Where?\n"
    translation = translator.translate(text, max_length=3)
    sources = [segment.source for segment in translation.segments]
    assert "".join(sources) == text == translation.source
    assert [one for one in sources if one.strip()] == ["The old house.", "A cat.", "Where?"]
    whole = translator.translate("A cat. Where?", split=False, max_length=3)
    assert [one.source for one in whole.segments] == ["A cat. Where?"]
    assert translator.translate("").text == ""
    assert translator.translate([]) == []


def test_several_translations_of_a_text():
    translator = PretrainedTranslator.load(tiny.folder_of("marian"))
    translation = translator.translate("A cat.", n_best=3, max_length=4)
    assert len({one.text for one in translation.alternatives}) == 3
    assert translation.alternatives[0].text == translation.text
    counts = []
    translator.translate(["A cat.", "Where?"], max_length=3, on_progress=counts.append)
    assert counts[-1] == 2


def test_an_alignment_has_a_row_for_each_token():
    translator = PretrainedTranslator.load(tiny.folder_of("marian"))
    (segment,) = translator.translate("A cat.", alignment=True, max_length=4).segments
    assert segment.alignment.shape == (len(segment.tokens), len(segment.source_tokens))
    assert (segment.alignment >= 0).all()
    assert (segment.alignment.sum(axis=1) <= 1 + 1e-6).all()
    other = translator.translate("A cat.", alignment=True, alignment_layer=0, max_length=4)
    assert not np.allclose(other.segments[0].alignment, segment.alignment)


def test_a_text_longer_than_the_model_is_cut_at_words():
    translator = PretrainedTranslator.load(tiny.folder_of("bart"))
    translation = translator.translate("The old house stands by the river " * 12, max_length=3)
    assert len(translation.segments) > 2
    assert "".join(one.source for one in translation.segments) == translation.source


def test_what_cannot_be_translated():
    with pytest.raises(CheckpointError, match="is a GPT-2, which can: generate"):
        PretrainedTranslator.load(tiny.folder_of("gpt2"))
    with pytest.raises(CheckpointError, match="no tokenizer"):
        PretrainedTranslator.load(tiny.folder_of("marian", tokenizer=False))
    translator = PretrainedTranslator.load(tiny.folder_of("marian"))
    assert repr(translator).endswith("marian: Marian>")
    with pytest.raises(ConfigError, match="Unknown generation setting 'beamsize'"):
        translator.translate("A cat.", beamsize=3)
    with pytest.raises(ConfigError, match="batch_tokens must be at least 1"):
        translator.translate("A cat.", batch_tokens=0)
    with pytest.raises(ConfigError, match="alignment_layer must be one of the decoder's 2 layers"):
        translator.translate("A cat.", alignment=True, alignment_layer=2)
    with pytest.raises(TypeError, match="text 1 is of type int"):
        translator.translate(["A cat.", 5])
    with pytest.raises(TextError, match="Text 0:"):
        translator.translate("half a \ud800 character")


def test_one_that_was_pickled_has_its_task_and_translates_the_same(tmp_path):
    saved(tmp_path, "M2M100")
    translator = Translator.load(tmp_path, task="en-de")
    content = pickle.dumps(translator)
    assert len(content) < 5_000
    other = pickle.loads(content)
    assert isinstance(other, PretrainedTranslator)
    expected = translator.translate(TEXTS[0], beam_size=2).text
    assert other.translate(TEXTS[0], beam_size=2).text == expected
    assert other.task == translator.task
    model = pickle.loads(pickle.dumps(load(tmp_path, task="en-de")))
    assert model.translate(TEXTS[0], beam_size=2).text == expected
