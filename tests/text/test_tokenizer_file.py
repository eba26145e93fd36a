"""A tokenizer's file may come from a stranger: its vocabulary and merges are read, nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers

import clearhead
from clearhead.errors import CheckpointError
from clearhead.text.tokenizer import Tokenizer
from tests.strangers import SPOILT, edits, refusal, spoilt

SENTENCE = "the cat sat on a mat while l'homme aime qu'il mange été 12 345 no. yes, (maybe) ¿qué?"
WORDS = SENTENCE.split()
TEXTS = [" ".join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))] * 4
TOKENIZER = Tokenizer.train(TEXTS, 400)


@pytest.mark.parametrize("content", [None, "", "{}", "not json", '{"model": 3}'])
def test_a_missing_or_damaged_file_is_a_checkpoint_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CheckpointError, match=r"Cannot read the tokenizer .*tokenizer\.json"):
        Tokenizer.load(path)


def test_a_cut_file_is_a_checkpoint_error(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(TOKENIZER.to_json()[:-200])
    with pytest.raises(CheckpointError, match="Cannot read the tokenizer"):
        Tokenizer.load(path)


def test_another_kind_of_tokenizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    other = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    path.write_text(other.to_str())
    with pytest.raises(CheckpointError, match=r"not one of clearhead's.*first ids"):
        Tokenizer.load(path)


def described() -> dict[str, Any]:
    """What the file of a tokenizer of ours says."""
    content: dict[str, Any] = json.loads(TOKENIZER.to_json())
    return content


def tokenizer_refusal(content: object, tmp_path: Path) -> str:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    message = refusal(CheckpointError, lambda: Tokenizer.load(path))
    assert message is not None
    assert message.startswith(f"Cannot read the tokenizer {path}: ")
    return message


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file(tmp_path: Path, how: str) -> None:
    path = tmp_path / "tokenizer.json"
    TOKENIZER.save(path)
    with spoilt(path, how):
        assert "Cannot read the tokenizer" in str(
            refusal(CheckpointError, lambda: Tokenizer.load(path))
        )


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "tokenizer.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(CheckpointError, match="it is larger than 16,777,216 bytes"):
        Tokenizer.load(tmp_path / "tokenizer.json")


ADDED_TOKENS = {
    "id": 259,
    "content": "the",
    "single_word": False,
    "lstrip": True,
    "rstrip": True,
    "normalized": False,
    "special": True,
}


PADDING = {
    "strategy": {"Fixed": 10**9},
    "direction": "Left",
    "pad_to_multiple_of": None,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "<pad>",
}


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("normalizer", {"type": "Lowercase"}, "its 'normalizer' is 'Lowercase'"),
        ("normalizer", {"type": "Replace", "pattern": {"Regex": "(a*)*b"}, "content": ""},
         "its 'normalizer' is 'Replace'"),
        ("normalizer", None, "its 'normalizer' is None"),
        ("pre_tokenizer", {"type": "ByteLevel"}, "its 'pre_tokenizer' is 'ByteLevel'"),
        ("padding", PADDING, "its 'padding' is {'strategy'"),
        ("truncation", {"max_length": 2, "strategy": "LongestFirst", "stride": 0},
         "its 'truncation' is {'max_length'"),
        ("post_processor", {"type": "TemplateProcessing"}, "'post_processor' is 'TemplateProc"),
        ("decoder", {"type": "Metaspace"}, "its 'decoder' is 'Metaspace'"),
        ("added_tokens", [ADDED_TOKENS], "its 'added_tokens' is [{'id': 259"),
        ("version", "2.0", "its 'version' is '2.0'"),
        ("hook", "x", "its 'hook' is 'x'"),
        ("\x1b[2J", 1, r"its '\x1b[2J' is 1"),
    ],
)  # fmt: skip
def test_nothing_but_vocabulary_and_merges_is_obeyed(
    tmp_path: Path, part: str, value: object, words: str
) -> None:
    message = tokenizer_refusal(described() | {part: value}, tmp_path)
    assert words in message
    assert "of which vocabulary and merges are all" in message


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("dropout", 0.5),
        ("dropout", 0),
        ("unk_token", "<s>"),
        ("continuing_subword_prefix", "##"),
        ("end_of_word_suffix", "</w>"),
        ("fuse_unk", True),
        ("fuse_unk", 0),
        ("byte_fallback", False),
        ("byte_fallback", 1),
        ("ignore_merges", True),
        ("type", "Unigram"),
        ("cache_capacity", 10**12),
    ],
)
def test_no_setting_of_the_model_is_obeyed(tmp_path: Path, part: str, value: object) -> None:
    content = described()
    content["model"][part] = value
    assert f"its {part!r} of its model is {value!r}" in tokenizer_refusal(content, tmp_path)


def change_vocabulary(content: dict[str, Any], name: str) -> None:
    vocabulary = content["model"]["vocab"]
    last = max(vocabulary, key=vocabulary.__getitem__)
    changes: dict[str, Callable[[], object]] = {
        "a gap": lambda: vocabulary.update({last: len(vocabulary)}),
        "twice": lambda: vocabulary.update({last: 300}),
        "negative": lambda: vocabulary.update({last: -1}),
        "huge": lambda: vocabulary.update({last: 10**18}),
        "true": lambda: vocabulary.update({last: True}),
        "text": lambda: vocabulary.update({last: "7"}),
        "no piece": lambda: vocabulary.update({"": len(vocabulary)}),
        "other specials": lambda: vocabulary.update({"<pad>": 1, "<s>": 0}),
        "other bytes": lambda: vocabulary.update({"<0x00>": 4, "<0x01>": 3}),
        "nothing": vocabulary.clear,
    }
    changes[name]()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a gap", "and ids run from 0 to"),
        ("twice", "has the id 300, and ids run from 0 to"),
        ("negative", "has the id -1"),
        ("huge", "has the id 1000000000000000000"),
        ("true", "has the id True"),
        ("text", "has the id '7'"),
        ("no piece", "the piece '' of its vocabulary"),
        ("other specials", "its vocabulary begins otherwise"),
        ("other bytes", "its vocabulary begins otherwise"),
        ("nothing", "its vocabulary begins otherwise"),
    ],
)
def test_each_id_is_for_one_piece(tmp_path: Path, name: str, words: str) -> None:
    content = described()
    change_vocabulary(content, name)
    assert words in tokenizer_refusal(content, tmp_path)


@pytest.mark.parametrize(
    "merge",
    [
        ["t", "zzz"],
        ["zzz", "t"],
        ["z", "q"],
        ["t"],
        ["t", "h", "e"],
        ["", "t"],
        ["t", 3],
        [["t"], "h"],
        "th",
        "t  h",
        7,
        None,
        ["<0x41>", "<0x42>"],
        ["<s", ">"],
    ],
)
def test_merges_are_of_learnt_pieces(tmp_path: Path, merge: object) -> None:
    content = described()
    content["model"]["merges"].append(merge)
    assert "is not of two learnt pieces to a third" in tokenizer_refusal(content, tmp_path)


def test_no_text_becomes_a_special_token_or_a_byte(tmp_path: Path) -> None:
    """Merges that lead there would give ids to a text that mean something else."""
    for target in ("<pad>", "</s>", "<0x41>"):
        content = described()
        vocabulary = content["model"]["vocab"]
        for piece in (target[:2], target[2:]):
            vocabulary.setdefault(piece, len(vocabulary))
        content["model"]["merges"].append([target[:2], target[2:]])
        assert "is not of two learnt pieces" in tokenizer_refusal(content, tmp_path)


def test_merges_as_older_files_have_them(tmp_path: Path) -> None:
    content = described()
    content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert Tokenizer.load(tmp_path / "tokenizer.json").to_json() == TOKENIZER.to_json()


def test_what_is_the_same_in_all_of_ours_may_be_left_out(tmp_path: Path) -> None:
    model = {name: described()["model"][name] for name in ("vocab", "merges")}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    assert Tokenizer.load(tmp_path / "tokenizer.json").to_json() == TOKENIZER.to_json()


def test_every_member_replaced_by_values_of_every_type(tmp_path: Path) -> None:
    """Of vocabulary and merges a few; the tables above have their kinds."""
    content = described()
    content["model"]["merges"] = content["model"]["merges"][:3]
    path = tmp_path / "tokenizer.json"
    refusals = 0
    for place, changed in edits(content):
        if "vocab/<0x" in place or (place.startswith("model/vocab/") and len(place) > 40):
            continue
        path.write_text(json.dumps(changed))

        def work() -> None:
            tokenizer = Tokenizer.load(path)
            assert tokenizer.decode(tokenizer.encode(SENTENCE)) == SENTENCE

        refusals += refusal(CheckpointError, work) is not None
    assert refusals > 300


@pytest.mark.parametrize("model", ["en-fr"])
def test_the_bundled_tokenizer_is_the_librarys_own(model: str) -> None:
    path = Path(clearhead.__file__).parent / "models" / model / "tokenizer.json"
    assert Tokenizer.load(path).to_json() == tokenizers.Tokenizer.from_file(str(path)).to_str()
