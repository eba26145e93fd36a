"""Builds tokenizers-library tokenizers from SentencePiece models, as transformers does."""

from __future__ import annotations

from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from ...errors import CheckpointError
from .languages import MBART_LANGUAGES
from .pieces import SPACE
from .sentencepiece_file import BPE, CONTROL, USER_DEFINED, SentencePieceFile, read_sentencepiece
from .settings import TokenizerSettings

_FAIRSEQ = ("start", "padding", "end", "unknown")  # ids 0 to 3; SentencePiece itself has 3


def t5_core(folder: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    """Return T5's tokenizer: the pieces, followed by its sentinels from the last to the first.

    Raises:
        CheckpointError: the file is damaged, or of another kind of SentencePiece model.
    """
    file = _unigram(folder / "spiece.model")
    count = settings.values.get("extra_ids", 100)
    count = min(count, 1000) if type(count) is int and count >= 0 else 100
    sentinels = [f"<extra_id_{i}>" for i in range(count - 1, -1, -1)]
    pieces = [(piece.text, piece.score) for piece in file.pieces]
    core = _words(pieces + [(text, 0.0) for text in sentinels], 2, file)
    core.add_special_tokens(
        [AddedToken(text, normalized=False, special=True) for text in sentinels]
    )
    return core


def fairseq_core(folder: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    """Return the tokenizer of XLM-R or mBART, whose ids are SentencePiece's plus one.

    Raises:
        CheckpointError: as `t5_core`.
    """
    file = _unigram(folder / "sentencepiece.bpe.model")
    pieces = [(settings.tokens[role], 0.0) for role in _FAIRSEQ]
    pieces += [(piece.text, piece.score) for piece in file.pieces[3:]]
    if settings.kind == "MBartTokenizer":
        pieces += [(language, 0.0) for language in MBART_LANGUAGES]
    pieces.append((settings.tokens["mask"], 0.0))
    return _words(pieces, 3, file)


def _words(
    pieces: list[tuple[str, float]], unknown: int, file: SentencePieceFile
) -> tokenizers.Tokenizer:
    """Return a unigram tokenizer that first splits a text into words."""
    core = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=unknown, byte_fallback=False))
    if file.normalization:
        core.normalizer = normalizers.Precompiled(file.normalization)
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always"),
        ]
    )
    core.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    _add_symbols(core, file)
    return core


def nllb_core(folder: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    """Return NLLB's tokenizer: BPE, with the ids of fairseq.

    Raises:
        CheckpointError: as `t5_core`.
    """
    file = read_sentencepiece(folder / "sentencepiece.bpe.model")
    own = {piece.text: i for i, piece in enumerate(file.pieces)}
    vocabulary = {settings.tokens[role]: i for i, role in enumerate(_FAIRSEQ)}
    for text in own:
        vocabulary.setdefault(text, len(vocabulary))
    core = tokenizers.Tokenizer(
        models.BPE(vocabulary, _merges(own), unk_token=settings.tokens["unknown"], fuse_unk=True)
    )
    if file.normalization:
        core.normalizer = normalizers.Sequence(
            [normalizers.Precompiled(file.normalization), normalizers.Replace(Regex(" {2,}"), " ")]
        )
    core.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    core.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    _add_symbols(core, file)
    return core


def llama_core(folder: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    """Return Llama's tokenizer: BPE; a character without a piece is split into its bytes.

    Raises:
        CheckpointError: as `t5_core`.
    """
    path = folder / "tokenizer.model"
    file = read_sentencepiece(path)
    if file.model_type != BPE:
        raise CheckpointError(f"{path} is no model of byte pairs, as those of Llama are.")
    vocabulary = {piece.text: i for i, piece in enumerate(file.pieces)}
    core = tokenizers.Tokenizer(
        models.BPE(vocabulary, _merges(vocabulary), fuse_unk=True, byte_fallback=True)
    )
    set_llama_words(core, settings)
    _add_symbols(core, file)
    return core


def set_llama_words(core: tokenizers.Tokenizer, settings: TokenizerSettings) -> None:
    """Make a tokenizer put spaces before words as transformers 5 does for Llama.

    This overrides tokenizer.json: after a special token in a text, older files of Llama add one
    more space (``legacy``).
    """
    first = settings.flag("add_prefix_space", True)
    scheme = "never" if not first else "always" if settings.flag("legacy", False) else "first"
    core.normalizer = None
    core.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement=SPACE, prepend_scheme=scheme, split=False
    )
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    core.decoder = decoders.Sequence(
        [*steps, decoders.Strip(content=" ", left=1)] if first else steps
    )


def _unigram(path: Path) -> SentencePieceFile:
    file = read_sentencepiece(path)
    if file.model_type == BPE:
        raise CheckpointError(
            f"{path} is a model of byte pairs, and such models have unigrams. Its files are not "
            f"of one model: get those of its tokenizer."
        )
    return file


def _add_symbols(core: tokenizers.Tokenizer, file: SentencePieceFile) -> None:
    """Add the control symbols and user-defined symbols, so that they are not split."""
    kinds = (CONTROL, USER_DEFINED)
    _keep_whole(core, [piece.text for piece in file.pieces if piece.kind in kinds and piece.text])


def _keep_whole(core: tokenizers.Tokenizer, texts: list[str]) -> None:
    core.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in texts])


def _merges(vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Return the merges that form the pieces of a vocabulary, the best first.

    A SentencePiece model has no list of merges. They are ordered as in transformers: by the id of
    the merged piece, then by the lengths of its halves.
    """
    merges = [
        (i, text[:place], text[place:])
        for text, i in vocabulary.items()
        for place in range(1, len(text))
        if text[:place] in vocabulary and text[place:] in vocabulary
    ]
    merges.sort(key=lambda merge: (merge[0], len(merge[1]), len(merge[2])))
    return [(first, second) for _, first, second in merges]
