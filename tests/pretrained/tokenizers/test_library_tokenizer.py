"""What a tokenizer of the library is asked beside ids that transformers has too."""

from __future__ import annotations

import json

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from clearhead.errors import CheckpointError, TextError
from clearhead.pretrained.tokenizers.library_tokenizer import LibraryTokenizer, guarded, tidy
from clearhead.pretrained.tokenizers.reading import read_tokenizer
from clearhead.pretrained.tokenizers.settings import TokenizerSettings
from tests.pretrained.tokenizers import folders
from tests.pretrained.tokenizers.folders import CONFIG


def tokenizer_of(folder, name):
    config = folders.write(folder, name)
    return read_tokenizer(folder, config, CONFIG)[0]


def words(*texts, **settings):
    core = tokenizers.Tokenizer(
        models.WordLevel({text: i for i, text in enumerate(texts)}, texts[0])
    )
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.enable_truncation(2)
    core.enable_padding(length=5)
    return LibraryTokenizer(core, TokenizerSettings(**settings), most_ids=100)


def test_nothing_is_cut_or_padded():
    assert words("a", "b").encode("a b a b") == [0, 1, 0, 1]
    assert words("a", "b").encode("a") == [0]


def test_half_a_character_is_refused(tmp_path):
    tokenizer = tokenizer_of(tmp_path, "GPT-2")
    for work in (tokenizer.encode, tokenizer.encode_plain, tokenizer.encode_target):
        with pytest.raises(TextError, match="lone surrogate"):
            work("a\ud800")
    with pytest.raises(TextError, match="lone surrogate"):
        tokenizer.encode_pair("a", "\udfff")


@pytest.mark.parametrize("wrong", [-1, 1000, 10**9])
def test_an_id_that_is_none_is_refused(tmp_path, wrong):
    tokenizer = tokenizer_of(tmp_path, "GPT-2")
    for work in (tokenizer.decode, tokenizer.pieces):
        with pytest.raises(TextError, match=f"run from 0 to 999 in this tokenizer; {wrong} came"):
            work([0, wrong])


def test_an_id_of_the_model_without_a_token_is_shown_by_its_number(tmp_path):
    tokenizer = tokenizer_of(tmp_path, "GPT-2")  # a model may have more rows than tokens
    assert tokenizer.pieces([tokenizer.vocab_size + 3]) == [f"<{tokenizer.vocab_size + 3}>"]
    assert tokenizer.decode([tokenizer.vocab_size + 3]) == ""


def test_pieces_of_bytes_are_readable(tmp_path):
    tokenizer = tokenizer_of(tmp_path, "GPT-2")
    text = "the fox\n🙂"
    pieces = tokenizer.pieces(tokenizer.encode(text))
    assert "".join(pieces) == "the▁fox\\n<0xF0><0x9F><0x99><0x82>"
    assert tokenizer.pieces([0]) == ["<|endoftext|>"]


def test_a_language_is_chosen_by_its_code(tmp_path):
    tokenizer = tokenizer_of(tmp_path, "mBART")
    end, ids = tokenizer.roles["end"], tokenizer.encode_plain("the fox")
    assert tokenizer.encode("the fox") == [*ids, end, tokenizer.languages["fr_XX"]]
    assert tokenizer.encode("the fox", language="de_DE")[-1] == tokenizer.languages["de_DE"]
    assert tokenizer.encode_target("the fox") == [*ids, end, tokenizer.languages["ro_RO"]]
    with pytest.raises(TextError, match="knows no language 'xx'; it knows ar_AR, cs_CZ"):
        tokenizer.encode("the fox", language="xx")


def test_a_tokenizer_without_languages_says_so(tmp_path):
    tokenizer = tokenizer_of(tmp_path, "GPT-2")
    assert tokenizer.languages == {}
    for work in (tokenizer.encode, tokenizer.encode_target):
        with pytest.raises(TextError, match="knows no language 'fr'; it knows none"):
            work("the fox", language="fr")


def test_languages_without_an_end_are_refused():
    with pytest.raises(CheckpointError, match="has languages and no eos_token"):
        words("a", "fr_XX", kind="MBartTokenizer", others=("fr_XX",))


def test_the_largest_id_counts_where_ids_have_gaps():
    core = tokenizers.Tokenizer(models.WordLevel({"a": 0, "b": 7}, "a"))
    tokenizer = LibraryTokenizer(core, TokenizerSettings(tokens={"padding": "<p>"}), most_ids=100)
    assert tokenizer.base_size == 8
    assert tokenizer.vocab_size > tokenizer.roles["padding"]


def test_an_end_that_is_no_token_is_refused():
    with pytest.raises(CheckpointError, match="The special tokens of a tokenizer"):
        words("a", tokens={"start": "a:b:c"}, values={"add_bos_token": True})


def test_tidy_takes_the_spaces_of_word_pieces_away():
    assert tidy("do n't , it 's . so ? x ' y") == "don't, it's. so? x'y"


def test_a_refusal_of_the_library_is_one_of_ours():
    def panic():
        raise type("PanicException", (BaseException,), {})("broken\nmore")

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(CheckpointError, match=r"x\.json: 'broken' says the tokenizers library"):
        guarded(panic, "x.json")
    with pytest.raises(KeyboardInterrupt):
        guarded(interrupt, "x.json")


def test_a_file_with_a_broken_rule_is_refused_when_it_is_read(tmp_path):
    config = folders.write(tmp_path, "GPT-2")
    core = tokenizers.Tokenizer(models.WordLevel({"a": 0}, "a"))
    content = json.loads(core.to_str())
    content["pre_tokenizer"] = {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="says the tokenizers library"):
        read_tokenizer(tmp_path, config, CONFIG)
