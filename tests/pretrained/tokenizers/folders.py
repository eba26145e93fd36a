"""Small folders with the tokenizer of each kind, trained here, and texts that are hard to cut."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers, trainers

from clearhead.config import TransformerConfig
from clearhead.pretrained.tokenizers.languages import M2M100_LANGUAGES

CONFIG = TransformerConfig(vocab_size=1000, encoder_layers=0, d_model=8)
"""A model with more ids than any tokenizer here."""

_WORDS = (
    "the of a quick brown fox jumps over lazy dog hello world I don't know un café naïve 中文 字 "
    "# ## #x , . ? ! ' s 1 23 ing lo"
)
_FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@cache
def lines() -> tuple[str, ...]:
    choice = random.Random(1).choice
    words = _WORDS.split()
    return tuple(" ".join(choice(words) for _ in range(12)) for _ in range(200))


@cache
def sentencepiece_model(**options: Any) -> bytes:
    """The file of a SentencePiece model of some 60 pieces."""
    out = io.BytesIO()
    settings = {"vocab_size": 60, "hard_vocab_limit": False, "minloglevel": 2, **options}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines()), model_writer=out, **settings
    )
    return out.getvalue()


@cache
def byte_pairs(*specials: str) -> tuple[str, str]:
    """The texts of vocab.json and merges.txt."""
    core = tokenizers.Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(lines(), trainer)
    model = json.loads(core.to_str())["model"]
    merges = "".join(f"{' '.join(pair)}\n" for pair in model["merges"])
    return json.dumps(model["vocab"]), f"#version: 0.2\n{merges}"


def _write_pairs(*specials: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        vocabulary, merges = byte_pairs(*specials)
        (folder / "vocab.json").write_text(vocabulary)
        (folder / "merges.txt").write_text(merges)

    return write


def _write_words(folder: Path) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz#?!.,'0123456789中文字é"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, "Hello"]
    pieces += [f"##{letter}" for letter in letters] + ["##ing", "hello", "the", "##lo", "cafe"]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")


def _write_pieces(name: str, **options: Any) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(sentencepiece_model(**options)) and None


def pieces_of(content: bytes) -> list[str]:
    model = sentencepiece.SentencePieceProcessor(model_proto=content)
    return [model.id_to_piece(i) for i in range(model.get_piece_size())]


def write_marian(folder: Path) -> None:
    """Two SentencePiece models; some of their pieces are not in vocab.json."""
    sides = [sentencepiece_model(), sentencepiece_model(vocab_size=50)]
    for name, content in zip(("source.spm", "target.spm"), sides, strict=True):
        (folder / name).write_bytes(content)
    pieces = sorted({piece for content in sides for piece in pieces_of(content)})
    own = [piece for piece in pieces if piece not in ("</s>", "<unk>", "<s>")][:-3]
    everything = ["</s>", "<unk>", ">>fra<<", ">>por<<", *own, "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({p: i for i, p in enumerate(everything)}))


def write_m2m_100(folder: Path) -> None:
    content = sentencepiece_model()
    (folder / "sentencepiece.bpe.model").write_bytes(content)
    own = [piece for piece in pieces_of(content) if piece not in ("</s>", "<unk>", "<s>")]
    everything = ["<s>", "<pad>", "</s>", "<unk>", *own]
    (folder / "vocab.json").write_text(json.dumps({p: i for i, p in enumerate(everything)}))


_T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
_XLMR = {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1}
_LANGUAGE_TOKENS = [f"__{code}__" for code in M2M100_LANGUAGES["m2m100"]]
_MASK = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False}

Kind = tuple[str, Callable[[Path], None], dict[str, Any] | None]
KINDS: dict[str, Kind] = {
    "GPT-2": ("gpt2", _write_pairs("<|endoftext|>"), None),
    "GPT-2 with settings": (
        "gpt2",
        _write_pairs("<|endoftext|>"),
        {"add_prefix_space": True, "add_bos_token": True, "pad_token": "<|endoftext|>"},
    ),
    "Qwen 2": (
        "qwen2",
        _write_pairs("<|endoftext|>"),
        {
            "tokenizer_class": "Qwen2Tokenizer",
            "eos_token": "<|im_start|>",
            "added_tokens_decoder": {
                "360": {"content": "<|im_start|>", "special": True},
                "361": {"content": "<tool>", "special": False, "normalized": False},
            },
        },
    ),
    "RoBERTa": ("roberta", _write_pairs(*_FAIRSEQ), None),
    "BART": ("bart", _write_pairs(*_FAIRSEQ), {"mask_token": {**_MASK, "__type": "AddedToken"}}),
    "BERT": ("bert", _write_words, None),
    "BERT with settings": (
        "bert",
        _write_words,
        {"do_lower_case": False, "strip_accents": True, "clean_up_tokenization_spaces": True},
    ),
    "T5": ("t5", _write_pieces("spiece.model", **_T5), None),
    "mT5": ("mt5", _write_pieces("spiece.model", **_T5), {"extra_ids": 0}),
    "XLM-R": ("xlm-roberta", _write_pieces("sentencepiece.bpe.model", **_XLMR), None),
    # transformers 5 forgets a SentencePiece model's normalization for mBART, so here is none.
    "mBART": (
        "mbart",
        _write_pieces("sentencepiece.bpe.model", normalization_rule_name="identity", **_XLMR),
        {"src_lang": "fr_XX", "tgt_lang": "ro_RO"},
    ),
    "NLLB": (
        "m2m_100",
        _write_pieces("sentencepiece.bpe.model", model_type="bpe", **_XLMR),
        {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": ["eng_Latn", "fra_Latn"]},
    ),
    "Llama": (
        "llama",
        _write_pieces("tokenizer.model", model_type="bpe", byte_fallback=True, vocab_size=350),
        {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": True},
    ),
    "Marian": ("marian", write_marian, None),
    "Marian with settings": (
        "marian",
        write_marian,
        {"tokenizer_class": "MarianTokenizer", "clean_up_tokenization_spaces": True},
    ),
    "M2M100": (
        "m2m_100",
        write_m2m_100,
        {
            "tokenizer_class": "M2M100Tokenizer",
            "src_lang": "fr",
            "additional_special_tokens": _LANGUAGE_TOKENS,
        },
    ),
}
"""Each kind: its ``model_type``, who writes its files, and its tokenizer_config.json."""


def write(folder: Path, name: str) -> dict[str, Any]:
    """Write the files of a kind, and return its config.json."""
    model_type, write_files, settings = KINDS[name]
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder)
    config = {"model_type": model_type}
    (folder / "config.json").write_text(json.dumps(config))
    if settings is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return config


FRAGMENTS = [
    *("Hello", "hello", " ", "  ", " the", "café", "cafe\u0301", "don't", "n't", " 's", "lo"),
    *("ing", " .", " ?", ",", "#", "##", "\t", "\n", "\r\n", "\x00", "\x07", "\u00a0"),
    *("\u200b", "中文", "字", "<unk>", "</s>", " <s> ", "<pad>", " <mask>", "[CLS]", "[MASK]"),
    *("<|endoftext|>", "<tool>", "<|im_start|>", ">>fra<<", ">>xyz<<", ">>", "<<", "__fr__"),
    *("__en__", "en_XX", "fra_Latn", "▁", "▁the", "Ġ", "ﬁ", "Å", "１２", "🙂", "👍🏽", "é"),
    *("<0x41>", "<extra_id_3>", "a" * 70),
]
TEXTS = st.lists(
    st.sampled_from(FRAGMENTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    max_size=7,
).map("".join)
