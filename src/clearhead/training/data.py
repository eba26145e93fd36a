"""Prepare the data of a run: token stores, a tokenizer and a development set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..config import TransformerConfig
from ..errors import ConfigError, CorpusError
from ..files import write_whole
from ..pretrained.tokenizers.protocol import PretrainedTokenizer
from ..text.batches import Batch, BatchForm, Corpus
from ..text.corpus import Pair, Skipped, locate
from ..text.kinds import PAIRS, Encoded, Kind, LabelledTexts, Texts
from ..text.tags import tag_piece
from ..text.token_store import Preparation, TokenStore, build_store, split_position, usable_pairs
from ..text.tokenizer import CHARACTERS, Tokenizer
from .initial.agreement import run_config
from .initial.origin import Origin, run_tokenizer
from .initial.rows import origin_form, origin_kind
from .initial.translations import OriginTranslationSet
from .measures.translations import TranslationSet
from .pairs.filters import pair_filter
from .settings import Settings
from .tasks.labels import check_initial_labels, run_labels
from .tasks.task import CLASSIFICATION, LANGUAGE, TASKS, TRANSLATION, Task

_DEVELOPMENT_ROWS = 64
_MOST_PAIRS = 300_000_000  # in an epoch: 8 bytes each, several times


@dataclass(frozen=True)
class TrainingData:
    """The prepared data of a run.

    Attributes:
        tokenizer: of the model.
        corpus: to train on.
        development: to measure on.
        facts: about the corpora, for the finished model's provenance.
        task: of the run.
        labels: of a classifier; a label's index is its number.
        origin: the initial model; None if the run begins from random weights.
    """

    tokenizer: Tokenizer | PretrainedTokenizer
    corpus: Corpus
    development: list[Batch]
    facts: dict[str, Any]
    task: Task = TRANSLATION
    labels: tuple[str, ...] = ()
    origin: Origin | None = None

    def config(self, settings: Settings) -> TransformerConfig:
        """Return the config of the model of a run with these settings and data."""
        return run_config(settings, self.origin, self.tokenizer.vocab_size, len(self.labels))

    @property
    def own_tokenizer(self) -> Tokenizer:
        """The tokenizer, which must be in Clearhead's own format."""
        assert isinstance(self.tokenizer, Tokenizer)
        return self.tokenizer

    def translation_set(self, count: int) -> TranslationSet:
        """Return at most ``count`` pairs of the development set, to be translated and scored."""
        if self.origin is not None and self.origin.pretrained is not None:
            return OriginTranslationSet(self.development, self.origin, count)
        return TranslationSet(self.development, self.tokenizer, count)


def preparation_of(settings: Settings) -> Preparation:
    """Return how the pairs of a run are prepared before they are stored."""
    data = settings.data
    return Preparation(
        max_tokens=data.max_tokens,
        normalize_spaces=data.normalize_spaces,
        held_out_share=data.held_out_share,
        skip_bad_lines=data.skip_bad_lines,
        kind=_kind(settings),
        reason=pair_filter(data.filters, (data.source_language, data.target_language)),
    )


def _kind(settings: Settings) -> Kind:
    """Return the kind of the corpora's rows; labels are not known yet."""
    if settings.task == LANGUAGE.name:
        return Texts(settings.data.unit or "paragraph")
    return LabelledTexts() if settings.task == CLASSIFICATION.name else PAIRS


def located_settings(settings: Settings, folder: Path | None) -> Settings:
    """Return the settings with corpus paths that can be opened as they are."""
    data = settings.data
    corpora = tuple(
        replace(row, path=locate(row.corpus, folder), source_column=None, target_column=None)
        for row in data.corpus
    )
    development = data.development and locate(data.development, folder)
    return replace(settings, data=replace(data, corpus=corpora, development=development))


def _training_texts(settings: Settings, preparation: Preparation) -> Iterator[str]:
    for path in dict.fromkeys(corpus.path for corpus in settings.data.corpus):
        pairs = usable_pairs(path, preparation, Skipped())
        for pair in islice(pairs, settings.tokenizer.pairs_per_corpus):
            yield pair.source
            if settings.task not in (LANGUAGE.name, CLASSIFICATION.name):
                yield pair.target


def _tokenizer(
    run: Path, settings: Settings, preparation: Preparation, origin: Origin | None
) -> Tokenizer:
    path = run / "tokenizer.json"
    if path.exists():
        return Tokenizer.load(path)
    tokenizer = run_tokenizer(settings, origin)
    if tokenizer is None:
        options = settings.tokenizer
        characters = options.kind == "characters"
        tokenizer = Tokenizer.train(
            _training_texts(settings, preparation),
            options.vocab_size,
            min_frequency=options.min_frequency,
            characters=characters,
            limit=options.vocab_size if characters else CHARACTERS,
        )
    tokenizer.save(path)
    return tokenizer


def _write_held_out(run: Path, settings: Settings, preparation: Preparation) -> Path:
    """Write the held-out pairs or texts, half as development set and half as test set.

    A source text appears once, with its first translation. Sources are sorted by a hash, so that
    any number of first ones is a fair sample.
    """
    kind = preparation.kind
    development = run / f"held_out.development.{kind.suffix}"
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
        run / f"held_out.test.{kind.suffix}": [
            p for p in by_hash if split_position(p.source) >= half
        ],
        development: [p for p in by_hash if split_position(p.source) < half],
    }
    for path, pairs in parts.items():
        write_whole(path, "".join(map(kind.line, pairs)))
    return development


def _development_batches(
    corpus: str,
    tokenizer: Any,
    settings: Settings,
    preparation: Preparation,
    skip_counts: Skipped,
    origin: Origin | None,
) -> list[Batch]:
    """Return the development set, sorted by length; count the pairs too long for the model."""
    task, kind = TASKS[settings.task], preparation.kind
    limit = run_config(settings, origin, tokenizer.vocab_size).max_length
    form = task.form if origin is None else origin_form(origin, task)
    limit -= max(form.source_specials, form.target_specials, 0)
    if settings.task == LANGUAGE.name:
        limit = preparation.max_tokens  # perplexity depends on the length of the context
    every = replace(preparation, held_out_share=0.0, reason=None)
    pairs = list(islice(usable_pairs(corpus, every, skip_counts), settings.data.development_pairs))
    usable = list(kind.encode(pairs, tokenizer, limit, skip_counts))
    if not usable:
        raise CorpusError(
            f"The development set {corpus} holds no usable {kind.noun} ({skip_counts})."
        )
    return _batches(usable, form)


def _batches(rows: list[Encoded], form: BatchForm) -> list[Batch]:
    rows.sort(key=lambda row: (len(row.target), len(row.source)))
    parts = [rows[i : i + _DEVELOPMENT_ROWS] for i in range(0, len(rows), _DEVELOPMENT_ROWS)]
    return [form.make([row.source for row in part], [row.target for row in part]) for part in parts]


def _tag_counts(store: TokenStore) -> str:
    """Return the number of sources with each tag, as text; empty for a store without tags."""
    counts = store.facts.get("tags") or {}
    return "".join(f"; {count:,} with {tag_piece(tag)}" for tag, count in counts.items())


def _check_epoch(settings: Settings, stores: Sequence[TokenStore]) -> None:
    """Check that an epoch's order of pairs fits into memory."""
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
    run: Path,
    settings: Settings,
    folder: Path | None,
    tell: Callable[[str], None],
    origin: Origin | None = None,
) -> TrainingData:
    """Prepare the data of a run, or open the data prepared by an earlier start.

    Args:
        run: the run's folder.
        settings: of the run.
        folder: the folder that relative paths of corpora start from; None for the working folder.
        tell: called with a sentence about each corpus.
        origin: the initial model; None if the run begins from random weights.
    """
    settings, task = located_settings(settings, folder), TASKS[settings.task]
    preparation = preparation_of(settings)
    pretrained = None if origin is None else origin.pretrained
    tokenizer: Any
    if pretrained is None:
        tokenizer = _tokenizer(run, settings, preparation, origin)
    else:
        tokenizer = pretrained.require_tokenizer()
    labels: tuple[str, ...] = ()
    if task is CLASSIFICATION:
        labels = _labels(run, settings, preparation, tokenizer.vocab_size, origin)
        preparation = replace(preparation, kind=LabelledTexts(labels))
        tell(f"{len(labels)} labels: {', '.join(labels)}")
        origin = None if origin is None else origin.with_labels(labels)
    if origin is not None and pretrained is not None:
        preparation = replace(preparation, kind=origin_kind(origin, task, preparation.kind))
    noun = preparation.kind.noun
    stores: list[TokenStore] = []
    for number, corpus in enumerate(settings.data.corpus):
        max_tokens = corpus.max_tokens or preparation.max_tokens
        corpus_preparation = replace(
            preparation,
            max_tokens=max_tokens,
            register_share=corpus.register_share,
            back_translation_tag=corpus.back_translation_tag,
        )
        store = build_store(run / "data" / str(number), corpus.path, tokenizer, corpus_preparation)
        skip_counts = Skipped()
        skip_counts.reasons.update(store.facts["skipped"])
        tell(f"{store.facts['corpus']}: {len(store):,} {noun}s ({skip_counts}{_tag_counts(store)})")
        stores.append(store)
    _check_epoch(settings, stores)
    development = settings.data.development
    if development is None:
        development = str(_write_held_out(run, settings, preparation))
    skip_counts = Skipped()
    development_batches = _development_batches(
        development, tokenizer, settings, preparation, skip_counts, origin
    )
    rows_measured = sum(len(batch.source) for batch in development_batches)
    tell(f"development set: {rows_measured:,} {noun}s ({skip_counts})")
    rows = settings.data.corpus
    return TrainingData(
        tokenizer=tokenizer,
        corpus=Corpus(
            stores,
            [row.passes for row in rows],
            settings.training.seed,
            from_epochs=[row.from_epoch for row in rows],
            form=task.form if origin is None else origin_form(origin, task),
        ),
        development=development_batches,
        facts={
            "corpora": [
                {**store.facts, "passes": row.passes, "from_epoch": row.from_epoch}
                for store, row in zip(stores, rows, strict=True)
            ]
        },
        task=task,
        labels=labels,
        origin=origin,
    )


def _labels(
    run: Path,
    settings: Settings,
    preparation: Preparation,
    vocab_size: int,
    origin: Origin | None,
) -> tuple[str, ...]:
    """Return the labels of a classifier; an initial model of Clearhead must have the same."""
    corpora = [corpus.path for corpus in settings.data.corpus]
    before = origin.pretrained.labels if origin is not None and origin.pretrained else ()
    labels = run_labels(run, corpora, preparation, vocab_size, before)
    if origin is not None and origin.pretrained is None:
        check_initial_labels(origin.folder, labels)
    return labels
