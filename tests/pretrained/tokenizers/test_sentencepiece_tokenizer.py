"""Marian and M2M100: sides, languages, and files that do not fit to each other."""

from __future__ import annotations

import json

import pytest

from clearhead.errors import CheckpointError, TextError
from clearhead.pretrained.tokenizers.reading import read_tokenizer
from tests.pretrained.tokenizers import folders
from tests.pretrained.tokenizers.folders import CONFIG

transformers = pytest.importorskip("transformers")


def read(folder, name="Marian"):
    config = folders.write(folder, name)
    return read_tokenizer(folder, config, CONFIG)[0]


@pytest.fixture(scope="module", params=["Marian", "M2M100"])
def pair(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    ours = read(folder, request.param)
    return ours, transformers.AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("text", ["the fox", "Hello </s> café", "", ">>fra<< dog", "🙂"])
def test_a_target_is_cut_by_its_own_model(pair, text):
    ours, theirs = pair
    if ours.id_of("__fr__") is not None:
        theirs.tgt_lang = "fr"  # as its source, where no file names a target
    assert ours.encode_target(text) == theirs(text_target=text)["input_ids"]


def test_a_language_of_marian_is_a_token_before_the_text(tmp_path):
    tokenizer = read(tmp_path)
    assert tokenizer.languages == {"fra": 2, "por": 3}
    ids = tokenizer.encode("the fox", language="fra")
    assert ids == [2, *tokenizer.encode("the fox")]
    assert ids == tokenizer.encode(">>fra<<the fox")
    assert tokenizer.pieces(ids)[0] == ">>fra<<"
    with pytest.raises(TextError, match="knows no language 'deu'; it knows fra, por"):
        tokenizer.encode("the fox", language="deu")


def test_a_language_of_m2m_100_is_chosen_by_its_code(tmp_path):
    tokenizer = read(tmp_path, "M2M100")
    assert tokenizer.pieces(tokenizer.encode("the")[:1]) == ["__fr__"]
    assert tokenizer.pieces(tokenizer.encode("the", language="zu")[:1]) == ["__zu__"]
    assert tokenizer.pieces(tokenizer.encode_target("the", language="de")[:1]) == ["__de__"]
    assert tokenizer.languages["zu"] == max(tokenizer.languages.values())
    assert tokenizer.decode(tokenizer.encode("the fox", language="zu")) == "the fox"


def test_languages_of_m2m_100_are_no_text_where_no_file_lists_them(tmp_path):
    config = folders.write(tmp_path, "M2M100")
    (tmp_path / "tokenizer_config.json").unlink()
    tokenizer = read_tokenizer(tmp_path, config, CONFIG)[0]
    assert tokenizer.decode(tokenizer.encode("the fox")) == "the fox"
    assert tokenizer.pieces(tokenizer.encode("the")[:1]) == ["__en__"]


def test_a_piece_outside_the_vocabulary_is_unknown(tmp_path):
    tokenizer = read(tmp_path)
    assert tokenizer.roles["unknown"] in tokenizer.encode("🙂")
    assert tokenizer.id_of("no such piece") is None


def test_half_a_character_and_a_false_id_are_refused(tmp_path):
    tokenizer = read(tmp_path)
    with pytest.raises(TextError, match="lone surrogate"):
        tokenizer.encode("a\ud800")
    for work in (tokenizer.decode, tokenizer.pieces):
        with pytest.raises(TextError, match="Token ids run from 0 to"):
            work([tokenizer.vocab_size])


@pytest.mark.parametrize("lacks", ["<unk>", "</s>"])
def test_a_vocabulary_without_a_special_token_is_refused(tmp_path, lacks):
    config = folders.write(tmp_path, "Marian")
    vocabulary = json.loads((tmp_path / "vocab.json").read_text())
    del vocabulary[lacks]
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(CheckpointError, match=f"vocab.json lacks {lacks}"):
        read_tokenizer(tmp_path, config, CONFIG)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("Marian", {"separate_vocabs": True}, "has a vocabulary for each side"),
        ("M2M100", {"language_codes": "other"}, "known here are m2m100, wmt21"),
    ],
)
def test_other_kinds_are_refused(tmp_path, name, settings, words):
    config = folders.write(tmp_path, name)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match=words):
        read_tokenizer(tmp_path, config, CONFIG)


def test_a_folder_that_lacks_a_side_has_no_tokenizer(tmp_path):
    config = folders.write(tmp_path, "Marian")
    (tmp_path / "target.spm").unlink()
    assert read_tokenizer(tmp_path, config, CONFIG)[0] is None
