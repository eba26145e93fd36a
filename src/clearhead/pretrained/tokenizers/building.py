"""Builds tokenizers of the tokenizers library for folders without tokenizer.json.

The transformers class in the files determines the kind: word pieces from vocab.txt, byte-level
BPE from vocab.json and merges.txt, or the pieces of a SentencePiece model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_text
from ...visible import quoted
from .languages import MBART_LANGUAGES
from .library_tokenizer import guarded
from .sentencepiece_building import fairseq_core, llama_core, nllb_core, t5_core
from .settings import MOST_BYTES, TokenizerSettings, read_object

_BYTES_TOKENS = {"start": "<|endoftext|>", "end": "<|endoftext|>", "unknown": "<|endoftext|>"}
_FAIRSEQ_TOKENS = {
    "start": "<s>",
    "padding": "<pad>",
    "end": "</s>",
    "unknown": "<unk>",
    "separator": "</s>",
    "class": "<s>",
    "mask": "<mask>",
}
_BERT_TOKENS = {
    "unknown": "[UNK]",
    "separator": "[SEP]",
    "padding": "[PAD]",
    "class": "[CLS]",
    "mask": "[MASK]",
}
# The regular expression with which Qwen 2 splits a text into words (as in its transformers class).
_QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Recipe:
    """How to build the tokenizer of a transformers class.

    Attributes:
        files: the files that are needed.
        tokens: its special tokens by role, if no file names others.
        core: builds the library's tokenizer from the folder.
        ends: the tokens around one text and around two, in the notation of the library's
            templates, with roles in braces; None for no such tokens.
        others: special tokens without a role.
        mask: finds the mask token, if no file names it.
    """

    files: tuple[str, ...]
    tokens: Mapping[str, str]
    core: Callable[[Path, TokenizerSettings], tokenizers.Tokenizer]
    ends: tuple[str, str] | None = None
    others: tuple[str, ...] = ()
    mask: AddedToken | None = None


def build(
    folder: Path, kind: str, settings: TokenizerSettings
) -> tuple[tokenizers.Tokenizer, TokenizerSettings] | None:
    """Return the tokenizer of a folder without tokenizer.json, and its settings; None if unknown.

    Args:
        folder: of the model.
        kind: the transformers class, without ``Fast``.
        settings: from the files in the folder.

    Raises:
        CheckpointError: a file is damaged, or a special token is missing.
    """
    recipe = RECIPES.get(kind)
    if recipe is None or not all((folder / name).exists() for name in recipe.files):
        return None
    settings = dataclasses.replace(
        settings,
        kind=kind,
        tokens={**recipe.tokens, **settings.tokens},
        others=tuple(dict.fromkeys([*recipe.others, *settings.others])),
        exact={**({} if recipe.mask is None else {"<mask>": recipe.mask}), **settings.exact},
    )
    about = f"Cannot read the tokenizer {folder / recipe.files[0]}"
    core = guarded(lambda: recipe.core(folder, settings), about)
    if recipe.ends is not None:
        settings = dataclasses.replace(settings, ends=recipe.ends)
    return core, settings


def _byte_pairs(folder: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    core = tokenizers.Tokenizer(_pairs(folder))
    space = settings.flag("add_prefix_space", False)
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
    core.decoder = decoders.ByteLevel()
    return core


def _qwen_pairs(folder: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    core = tokenizers.Tokenizer(_pairs(folder))
    core.normalizer = normalizers.NFC()
    space = settings.flag("add_prefix_space", False)
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=space, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    return core


def _pairs(folder: Path) -> models.BPE:
    """Return the library's BPE model, from vocab.json and the merges in merges.txt."""
    pairs = [
        (pair[0], pair[1])
        for line in _lines(folder / "merges.txt")
        if not line.startswith("#version") and len(pair := line.split(" ")) == 2
    ]
    return models.BPE(
        read_vocabulary(folder / "vocab.json"),
        pairs,
        continuing_subword_prefix="",
        end_of_word_suffix="",
    )


def read_vocabulary(path: Path) -> dict[str, int]:
    """Return the ids in a vocab.json, by piece.

    Raises:
        CheckpointError: the file is damaged, or a value is not an id.
    """
    fields = read_object(path)
    try:
        return {name: fields.integer(name, least=0, most=1 << 31) for name in fields.names()}
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the tokenizer {path}: {error.reason}. Get the tokenizer's files again."
        ) from error


def _word_pieces(folder: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    vocabulary = {piece: i for i, piece in enumerate(_lines(folder / "vocab.txt"))}
    unknown = settings.tokens["unknown"]
    if unknown not in vocabulary:
        raise CheckpointError(
            f"Cannot read the tokenizer {folder / 'vocab.txt'}: it lacks {quoted(unknown)}. Get "
            f"the tokenizer's files again."
        )
    core = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    accents = settings.values.get("strip_accents")
    core.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.flag("tokenize_chinese_chars", True),
        strip_accents=accents if isinstance(accents, bool) else None,
        lowercase=settings.flag("do_lower_case", True),
    )
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece(prefix="##")
    return core


def _lines(path: Path) -> list[str]:
    """Return the lines of a vocabulary, split only at line feeds."""
    try:
        lines = read_text(path, most=MOST_BYTES).split("\n")
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the tokenizer {path}: {error.reason}. Get the tokenizer's files again."
        ) from error
    return lines[:-1] if lines[-1] == "" else lines


_PAIRS, _PIECES = ("vocab.json", "merges.txt"), ("sentencepiece.bpe.model",)
_ROBERTA = Recipe(
    _PAIRS,
    _FAIRSEQ_TOKENS,
    _byte_pairs,
    ("{class} $A {separator}", "{class} $A {separator} {separator} $B {separator}"),
)
_BERT = Recipe(
    ("vocab.txt",),
    _BERT_TOKENS,
    _word_pieces,
    ("{class} $A {separator}", "{class} $A {separator} $B:1 {separator}:1"),
)

RECIPES: Mapping[str, Recipe] = {
    "GPT2Tokenizer": Recipe(_PAIRS, _BYTES_TOKENS, _byte_pairs),
    "Qwen2Tokenizer": Recipe(
        _PAIRS,
        dict.fromkeys(("end", "unknown", "padding"), "<|endoftext|>"),
        _qwen_pairs,
    ),
    "RobertaTokenizer": _ROBERTA,
    "BartTokenizer": _ROBERTA,
    "BertTokenizer": _BERT,
    "DistilBertTokenizer": _BERT,
    "T5Tokenizer": Recipe(
        ("spiece.model",),
        {"end": "</s>", "unknown": "<unk>", "padding": "<pad>"},
        t5_core,
        ("$A {end}", "$A {end} $B {end}"),
    ),
    "XLMRobertaTokenizer": Recipe(
        _PIECES,
        _FAIRSEQ_TOKENS,
        fairseq_core,
        ("{start} $A {end}", "{start} $A {end} {end} $B {end}"),
    ),
    "MBartTokenizer": Recipe(
        _PIECES,
        _FAIRSEQ_TOKENS,
        fairseq_core,
        others=MBART_LANGUAGES,
        mask=AddedToken("<mask>", lstrip=True, special=True),
    ),
    "NllbTokenizer": Recipe(
        _PIECES,
        _FAIRSEQ_TOKENS,
        nllb_core,
        mask=AddedToken("<mask>", lstrip=True, normalized=True, special=True),
    ),
    "LlamaTokenizer": Recipe(
        ("tokenizer.model",), {"start": "<s>", "end": "</s>", "unknown": "<unk>"}, llama_core
    ),
}
"""The recipe for each transformers class of tokenizers."""

KINDS: Mapping[str, str] = {
    **dict.fromkeys(("gpt2",), "GPT2Tokenizer"),
    **dict.fromkeys(("qwen2", "qwen3"), "Qwen2Tokenizer"),
    **dict.fromkeys(("roberta", "bart"), "RobertaTokenizer"),
    **dict.fromkeys(("bert", "distilbert"), "BertTokenizer"),
    **dict.fromkeys(("t5", "mt5", "umt5"), "T5Tokenizer"),
    **dict.fromkeys(("xlm-roberta",), "XLMRobertaTokenizer"),
    **dict.fromkeys(("mbart",), "MBartTokenizer"),
    **dict.fromkeys(("marian",), "MarianTokenizer"),
    **dict.fromkeys(("m2m_100",), "M2M100Tokenizer"),
}
"""The ``model_type`` of a config.json -> its tokenizer class, if the files name none."""
