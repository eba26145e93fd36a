"""From the settings of a run to token stores, a tokenizer and a development set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from ..text.batches import Batch, Corpus, make_batch
from ..text.corpus import Pair, Skipped, read_pairs
from ..text.token_store import Preparation, TokenStore, build_store, split_position, usable_pairs
from ..text.tokenizer import Tokenizer
from .settings import Settings


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


def locate(corpus: str, folder: Path | None) -> str:
    """A corpus with its relative paths taken from a folder."""
    if folder is None or corpus.startswith("hub:"):
        return corpus
    return ",".join(str(folder / name) for name in corpus.split(","))


def _located(settings: Settings, folder: Path | None) -> Settings:
    data = settings.data
    corpora = tuple(replace(row, path=locate(row.path, folder)) for row in data.corpus)
    development = data.development and locate(data.development, folder)
    return replace(settings, data=replace(data, corpus=corpora, development=development))


def _training_texts(settings: Settings, preparation: Preparation) -> Iterator[str]:
    for corpus in settings.data.corpus:
        pairs = usable_pairs(corpus.path, preparation, Skipped())
        for pair in islice(pairs, settings.tokenizer.pairs_per_corpus):
            yield from pair


def _tokenizer(run: Path, settings: Settings, preparation: Preparation) -> Tokenizer:
    path = run / "tokenizer.json"
    if settings.tokenizer.path is not None:
        return Tokenizer.load(settings.tokenizer.path)
    if path.exists():
        return Tokenizer.load(path)
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
    if development.exists():
        return development
    first: dict[str, Pair] = {}
    for corpus in settings.data.corpus:
        if corpus.held_out:
            for pair in usable_pairs(corpus.path, preparation, Skipped(), held_out=True):
                first.setdefault(pair.source, pair)
    ordered = sorted(first.values(), key=lambda pair: (split_position(pair.source), pair.source))
    if len(ordered) < 2:
        raise CorpusError("Too little is held out; raise data.held_out_share.")
    half = preparation.held_out_share / 2
    parts = {
        run / "held_out.test.tsv": [p for p in ordered if split_position(p.source) >= half],
        development: [p for p in ordered if split_position(p.source) < half],
    }
    for path, pairs in parts.items():
        draft = path.with_suffix(".part")
        draft.write_text("".join(f"{p.source}\t{p.target}\n" for p in pairs), encoding="utf-8")
        os.replace(draft, path)
    return development


def _development_batches(
    corpus: str, tokenizer: Tokenizer, settings: Settings, preparation: Preparation
) -> list[Batch]:
    pairs = list(
        islice(map(preparation.clean, read_pairs(corpus)), settings.data.development_pairs)
    )
    if not pairs:
        raise CorpusError(f"The development set {corpus} is empty.")
    limit = int(settings.model.get("max_length", 256)) - 1
    sources = [ids[:limit] for ids in tokenizer.encode_batch([pair.source for pair in pairs])]
    targets = [ids[:limit] for ids in tokenizer.encode_batch([pair.target for pair in pairs])]
    order = sorted(range(len(pairs)), key=lambda i: (len(targets[i]), len(sources[i])))
    rows = 64
    return [
        make_batch(
            [sources[i] for i in order[first : first + rows]],
            [targets[i] for i in order[first : first + rows]],
        )
        for first in range(0, len(order), rows)
    ]


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
    settings = _located(settings, folder)
    preparation = _preparation(settings)
    tokenizer = _tokenizer(run, settings, preparation)
    stores: list[TokenStore] = []
    for number, corpus in enumerate(settings.data.corpus):
        store = build_store(run / "data" / str(number), corpus.path, tokenizer, preparation)
        skipped = Skipped()
        skipped.reasons.update(store.facts["skipped"])
        tell(f"{store.facts['corpus']}: {len(store):,} pairs ({skipped})")
        stores.append(store)
    development = settings.data.development
    if development is None:
        development = str(_write_held_out(run, settings, preparation))
    passes = [corpus.passes for corpus in settings.data.corpus]
    return TrainingData(
        tokenizer=tokenizer,
        corpus=Corpus(stores, passes, settings.training.seed),
        development=_development_batches(development, tokenizer, settings, preparation),
        facts={"corpora": [{**s.facts, "passes": p} for s, p in zip(stores, passes, strict=True)]},
    )
