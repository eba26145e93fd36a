"""Where the token of a language stands, and what is no language."""

from __future__ import annotations

import pytest

from clearhead.errors import TextError
from clearhead.pretrained.tokenizers.languages import M2M100_LANGUAGES, MBART_LANGUAGES, Languages
from clearhead.pretrained.tokenizers.settings import TokenizerSettings

IDS = {"eng_Latn": 50, "fra_Latn": 51}


def of(kind, **values):
    settings = TokenizerSettings(kind=kind, others=("<x>", "eng_Latn", "fra_Latn"), values=values)
    return Languages.of(settings, IDS.get)


def test_a_language_stands_before_or_behind():
    assert of("NllbTokenizer").around([7], None, 2) == [50, 7, 2]
    assert of("NllbTokenizer").around([7], "fra_Latn", 2) == [51, 7, 2]
    assert of("NllbTokenizer", legacy_behaviour=True).around([7], None, 2) == [7, 2, 50]
    assert of("MBartTokenizer", src_lang="fra_Latn").around([7], None, 2) == [7, 2, 51]


def test_the_languages_are_those_with_a_token():
    languages = of("NllbTokenizer", src_lang="fra_Latn", tgt_lang="eng_Latn")
    assert languages.ids == IDS
    assert (languages.source, languages.target) == ("fra_Latn", "eng_Latn")
    assert of("GPT2Tokenizer") == Languages()


def test_a_text_may_need_no_language():
    assert Languages().around([7], None, 2) == [7, 2]
    assert Languages({"fra": 9}).around([7], None, 2) == [7, 2]
    assert Languages({"fra": 9}).around([7], "fra", 2) == [9, 7, 2]


def test_an_unknown_language_lists_some_that_are_known():
    with pytest.raises(TextError, match="no language 'x'; it knows eng_Latn, fra_Latn"):
        of("NllbTokenizer").around([7], "x", 2)
    with pytest.raises(TextError, match="no language 'x'; it knows none"):
        Languages().around([7], "x", 2)
    many = Languages(dict.fromkeys(M2M100_LANGUAGES["m2m100"], 1))
    with pytest.raises(TextError, match=r"it knows af, am, .*, \.\.\.\.$"):
        many.around([7], "x", 2)


def test_the_languages_of_m2m_100_are_those_of_transformers():
    module = pytest.importorskip("transformers.models.m2m_100.tokenization_m2m_100")
    theirs = {kind: tuple(codes) for kind, codes in module.FAIRSEQ_LANGUAGE_CODES.items()}
    assert theirs == M2M100_LANGUAGES


def test_the_languages_of_mbart_are_those_of_transformers():
    module = pytest.importorskip("transformers.models.mbart.tokenization_mbart")
    assert tuple(module.FAIRSEQ_LANGUAGE_CODES) == MBART_LANGUAGES


def test_languages_are_found_where_the_tokenizers_own_file_adds_them():
    settings = TokenizerSettings(kind="NllbTokenizer")
    assert Languages.of(settings, IDS.get, ["<x>", "fra_Latn", "eng_Latn"]).ids == IDS
    assert Languages.of(settings, IDS.get).ids == {}
    ids = {language: 60 + i for i, language in enumerate(MBART_LANGUAGES)}
    assert Languages.of(TokenizerSettings(kind="MBartTokenizer"), ids.get).ids == ids
