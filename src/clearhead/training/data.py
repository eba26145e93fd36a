"""Prepare the data of a run: token stores, a tokenizer and a development set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import ConfigError, CorpusError
from ..text.batches import Batch, Corpus, make_batch
from ..text.corpus import Pair, Skipped, locate, read_pairs
from ..text.tags import tag_piece
from ..text.token_store import Preparation, TokenStore, build_store, split_position, usable_pairs
from ..text.tokenizer import Tokenizer
from .settings import Settings
from .sources import tokenizer_file

_DEVELOPMENT_ROWS = 64
_MOST_PAIRS = 300_000_000  # of an epoch: 8 bytes each, several times over


@dataclass(frozen=True)
class TrainingData:
    """Everything a run reads."""

    tokenizer: Tokenizer
    corpus: Corpus
    development: list[Batch]
    facts: dict[str, Any]


def _preparation(settings: Settings) -> Preparation:
    data = settings.data
    return Preparation(
        max_tokens=data.max_tokens,
        normalize_spaces=data.normalize_spaces,
        held_out_share=data.held_out_share,
        skip_bad_lines=data.skip_bad_lines,
    )


def located_settings(settings: Settings, folder: Path | None) -> Settings:
    """Return the settings with paths of corpora that can be opened as they are."""
    data = settings.data
    corpora = tuple(replace(row, path=locate(row.path, folder)) for row in data.corpus)
    development = data.development and locate(data.development, folder)
    return replace(settings, data=replace(data, corpus=corpora, development=development))


def _training_texts(settings: Settings, preparation: Preparation) -> Iterator[str]:
    for path in dict.fromkeys(corpus.path for corpus in settings.data.corpus):
        pairs = usable_pairs(path, preparation, Skipped())
        for pair in islice(pairs, settings.tokenizer.pairs_per_corpus):
            yield from pair


def _tokenizer(run: Path, settings: Settings, preparation: Preparation) -> Tokenizer:
    path = run / "tokenizer.json"
    if path.exists():
        return Tokenizer.load(path)
    if settings.tokenizer.path is not None:
        tokenizer = Tokenizer.load(tokenizer_file(settings.tokenizer.path))
    else:
        tokenizer = Tokenizer.train(
            _training_texts(settings, preparation),
            settings.tokenizer.vocab_size,
            min_frequency=settings.tokenizer.min_frequency,
        )
    draft = path.with_suffix(".part")
    tokenizer.save(draft)
    os.replace(draft, path)
    return tokenizer


def _write_held_out(run: Path, settings: Settings, preparation: Preparation) -> Path:
    """Write the held-out pairs, half for development and half for the test.

    A source text appears once, with its first translation; sources are in the order of a hash,
    so that the first so many are a fair sample.
    """
    development = run / "held_out.development.tsv"
    if development.exists() and not development.is_file():
        raise CorpusError(f"{development} is no file. Remove it, and it is made anew.")
    if development.exists():
        return development
    first: dict[str, Pair] = {}
    for corpus in settings.data.corpus:
        if corpus.held_out:
            for pair in usable_pairs(corpus.path, preparation, Skipped(), held_out=True):
                first.setdefault(pair.source, pair)
    by_hash = sorted(first.values(), key=lambda pair: (split_position(pair.source), pair.source))
    if len(by_hash) < 2:
        raise CorpusError("Too little is held out; raise data.held_out_share.")
    half = preparation.held_out_share / 2
    parts = {
        run / "held_out.test.tsv": [p for p in by_hash if split_position(p.source) >= half],
        development: [p for p in by_hash if split_position(p.source) < half],
    }
    for path, pairs in parts.items():
        draft = path.with_suffix(".part")
        draft.write_text("".join(map(_tsv_line, pairs)), encoding="utf-8")
        os.replace(draft, path)
    return development


_NO_SEPARATORS = str.maketrans("\t\n\r", "   ")


def _tsv_line(pair: Pair) -> str:
    return "\t".join(text.translate(_NO_SEPARATORS) for text in pair) + "\n"


def _development_batches(
    corpus: str,
    tokenizer: Tokenizer,
    settings: Settings,
    preparation: Preparation,
    skip_counts: Skipped,
) -> list[Batch]:
    """Return the development set in order of length; count the pairs that the model cannot hold."""
    rows = read_pairs(corpus, skipped=skip_counts if preparation.skip_bad_lines else None)
    pairs = list(islice(map(preparation.clean, rows), settings.data.development_pairs))
    sources = tokenizer.encode_batch([pair.source for pair in pairs])
    targets = tokenizer.encode_batch([pair.target for pair in pairs])
    limit = settings.model_config(tokenizer.vocab_size).max_length - 1
    usable: list[tuple[list[int], list[int]]] = []
    for source, target in zip(sources, targets, strict=True):
        if not source or not target:
            skip_counts.reasons["with an empty side"] += 1
        elif max(len(source), len(target)) > limit:
            skip_counts.reasons[f"longer than {limit} tokens"] += 1
        else:
            usable.append((source, target))
    if not usable:
        raise CorpusError(f"The development set {corpus} holds no usable pair ({skip_counts}).")
    usable.sort(key=lambda pair: (len(pair[1]), len(pair[0])))
    return [
        make_batch(*zip(*usable[first : first + _DEVELOPMENT_ROWS], strict=True))
        for first in range(0, len(usable), _DEVELOPMENT_ROWS)
    ]


def _tag_counts(store: TokenStore) -> str:
    """Say how many sources begin with each tag; nothing of a store without tags."""
    counts = store.facts.get("tags") or {}
    return "".join(f"; {count:,} with {tag_piece(tag)}" for tag, count in counts.items())


def _check_epoch(settings: Settings, stores: Sequence[TokenStore]) -> None:
    """Refuse an epoch whose order would fill the memory."""
    rows = settings.data.corpus
    for i, (row, store) in enumerate(zip(rows, stores, strict=True)):
        pairs = round(row.passes * len(store))
        if pairs > _MOST_PAIRS:
            raise ConfigError(
                f"data.corpus[{i}].passes = {row.passes} makes {pairs:,} pairs of the "
                f"{len(store):,} in {row.path}; an epoch has room for {_MOST_PAIRS:,}. Set it "
                f"lower: how long a run takes is for training.max_epochs and max_steps."
            )


def prepare(
    run: Path, settings: Settings, folder: Path | None, tell: Callable[[str], None]
) -> TrainingData:
    """Tokenise what a run trains on, or open what an earlier start has left in its folder.

    Args:
        run: the run's folder.
        settings: of the run.
        folder: where relative paths of corpora begin; None for the working folder.
        tell: called with a sentence about each corpus.
    """
    settings = located_settings(settings, folder)
    preparation = _preparation(settings)
    tokenizer = _tokenizer(run, settings, preparation)
    stores: list[TokenStore] = []
    for number, corpus in enumerate(settings.data.corpus):
        max_tokens = corpus.max_tokens or preparation.max_tokens
        corpus_preparation = replace(
            preparation, max_tokens=max_tokens, register_share=corpus.register_share
        )
        store = build_store(run / "data" / str(number), corpus.path, tokenizer, corpus_preparation)
        skip_counts = Skipped()
        skip_counts.reasons.update(store.facts["skipped"])
        tell(f"{store.facts['corpus']}: {len(store):,} pairs ({skip_counts}{_tag_counts(store)})")
        stores.append(store)
    _check_epoch(settings, stores)
    development = settings.data.development
    if development is None:
        development = str(_write_held_out(run, settings, preparation))
    skip_counts = Skipped()
    development_batches = _development_batches(
        development, tokenizer, settings, preparation, skip_counts
    )
    pairs = sum(len(batch.source) for batch in development_batches)
    tell(f"development set: {pairs:,} pairs ({skip_counts})")
    rows = settings.data.corpus
    return TrainingData(
        tokenizer=tokenizer,
        corpus=Corpus(
            stores,
            [row.passes for row in rows],
            settings.training.seed,
            from_epochs=[row.from_epoch for row in rows],
        ),
        development=development_batches,
        facts={
            "corpora": [
                {**store.facts, "passes": row.passes, "from_epoch": row.from_epoch}
                for store, row in zip(stores, rows, strict=True)
            ]
        },
    )
