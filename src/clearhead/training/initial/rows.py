"""Rows of token ids for an initial model in another format, by its own tokenizer.

A stored row is complete: the encoder's input and the decoder's targets, with the special tokens
that the model's tokenizer adds to a text. The decoder's input is the targets shifted by one
position, as transformers shifts its labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...errors import TextError
from ...pretrained.model import PretrainedModel
from ...text.batches import Batch, BatchForm, Ids
from ...text.corpus import Pair, Skipped
from ...text.kinds import OTHER_LABEL, Encoded, Kind, LabelledTexts, too_long, windows
from ...text.tokenizer import Tokenizer
from ..tasks.task import CLASSIFICATION, LANGUAGE, Task
from .origin import Origin

__all__ = ["NOTHING", "origin_form", "origin_kind"]

NOTHING = -1
"""The target id of positions without a prediction; no token has this id."""

_Array = np.ndarray[Any, Any]
_Encode = Callable[[str], list[int]]
_Row = tuple[list[int], list[int]]


class _UnusableError(Exception):
    """A text that the model cannot read; the message is the reason."""


class _OriginKind(Kind):
    """Rows of a kind, with token ids of the initial model's tokenizer.

    Args:
        base: the kind of the rows.
        encode: yields the rows of a pair.
    """

    def __init__(self, base: Kind, encode: Callable[[Pair, int], Iterator[_Row]]) -> None:
        self._base, self._encode = base, encode
        self.noun, self.suffix = base.noun, base.suffix

    def read(self, corpus: str, skip_counts: Skipped | None) -> Iterator[Pair]:
        return self._base.read(corpus, skip_counts)

    def is_empty(self, pair: Pair) -> bool:
        return self._base.is_empty(pair)

    def line(self, pair: Pair) -> str:
        return self._base.line(pair)

    def encode(
        self, pairs: Sequence[Pair], tokenizer: Tokenizer, max_tokens: int, skip_counts: Skipped
    ) -> Iterator[Encoded]:
        for pair in pairs:
            try:
                for source, target in self._encode(pair, max_tokens):
                    if max(len(source), len(target)) > max_tokens:
                        raise _UnusableError(too_long(max_tokens))
                    yield Encoded(pair, source, target)
            except _UnusableError as error:
                skip_counts.reasons[str(error)] += 1


def origin_kind(origin: Origin, task: Task, base: Kind) -> Kind:
    """Return the kind of the corpora's rows, with tokens of the initial model.

    Args:
        origin: the initial model, saved by transformers.
        task: of the run.
        base: the task's kind of rows.
    """
    model = origin.pretrained
    assert model is not None
    tokenizer = model.require_tokenizer()
    if task is LANGUAGE:
        least = 1 if _lead(model) else 2
        end = tokenizer.roles.get("end", model.config.end_id)
        return _OriginKind(base, partial(_text_rows, model, end, least))
    if task is CLASSIFICATION:
        assert isinstance(base, LabelledTexts)
        return _OriginKind(base, partial(_label_rows, model, base))
    asking = origin.asking
    assert asking is not None

    def source(text: str) -> list[int]:
        return tokenizer.encode(asking.prefix + text, language=asking.source_language)

    def target(text: str) -> list[int]:
        return tokenizer.encode_target(text, language=asking.target_language)

    return _OriginKind(base, partial(_pair_rows, model, source, target))


def _pair_rows(
    model: PretrainedModel, source: _Encode, target: _Encode, pair: Pair, max_tokens: int
) -> Iterator[_Row]:
    yield _read(model, source, pair.source), _ids(model, target, pair.target)


def _text_rows(
    model: PretrainedModel, end: int, least: int, pair: Pair, max_tokens: int
) -> Iterator[_Row]:
    ids = _ids(model, model.require_tokenizer().encode_plain, pair.source)
    for window in windows([*ids, end], max_tokens):
        if len(window) < least:
            raise _UnusableError("of one token, before which nothing stands")
        yield [], window


def _label_rows(
    model: PretrainedModel, kind: LabelledTexts, pair: Pair, max_tokens: int
) -> Iterator[_Row]:
    number = kind.numbers.get(pair.target)
    if number is None:
        raise _UnusableError(OTHER_LABEL)
    yield _read(model, model.require_tokenizer().encode, pair.source), [number]


def _read(model: PretrainedModel, encode: _Encode, text: str) -> list[int]:
    """Return the encoder's input; refuse padding tokens in it, which would be ignored."""
    ids = _ids(model, encode, text)
    if model.config.pad_id in ids:
        raise _UnusableError("with the token of padding in it")
    return ids


def _ids(model: PretrainedModel, encode: _Encode, text: str) -> list[int]:
    try:
        ids = encode(text)
    except TextError:
        ids = [model.config.vocab_size]
    if max(ids, default=0) >= model.config.vocab_size:
        raise _UnusableError("with a token that the model has no vector for")
    return ids


def _lead(model: PretrainedModel) -> list[int]:
    """Return the tokens that the tokenizer puts before a prompt, such as a start token."""
    tokenizer = model.require_tokenizer()
    whole, plain = tokenizer.encode("a"), tokenizer.encode_plain("a")
    for i in range(len(whole) - len(plain) + 1):
        if whole[i : i + len(plain)] == plain:
            return whole[:i]
    return []


def origin_form(origin: Origin, task: Task) -> BatchForm:
    """Return the form of batches for the initial model.

    If the tokenizer begins a prompt with a start token, a window of text is predicted from it;
    otherwise the window's first token is not predicted.
    """
    model = origin.pretrained
    if model is None:
        return task.form
    config = model.config
    if task is LANGUAGE:
        lead = _lead(model)[-1:]
        return BatchForm(partial(_text_batch, config.pad_id, lead), 0, len(lead) - 1)
    if task is CLASSIFICATION:
        return BatchForm(partial(_label_batch, config.pad_id), 0, 0)
    # mBART's decoder input begins with the last target: the end token or the language after it.
    start = None if model.settings.get("model_type") == "mbart" else config.start_id
    return BatchForm(partial(_pair_batch, config.pad_id, start), 0, 0)


def _pair_batch(
    pad_id: int, start: int | None, sources: Sequence[Ids], targets: Sequence[Ids]
) -> Batch:
    inputs = [[row[-1] if start is None else start, *row[:-1]] for row in targets]
    return Batch(
        _padded(sources, pad_id), _padded(inputs, pad_id), _padded(targets, NOTHING), NOTHING
    )


def _text_batch(
    pad_id: int, lead: list[int], sources: Sequence[Ids], targets: Sequence[Ids]
) -> Batch:
    rows = [[*lead, *row] for row in targets]
    return Batch(
        np.zeros((len(sources), 0), np.int64),
        _padded([row[:-1] for row in rows], pad_id),
        _padded([row[1:] for row in rows], NOTHING),
        NOTHING,
    )


def _label_batch(pad_id: int, sources: Sequence[Ids], targets: Sequence[Ids]) -> Batch:
    return Batch(
        _padded(sources, pad_id),
        np.zeros((len(sources), 0), np.int64),
        np.array([row[:1] for row in targets], np.int64),
        NOTHING,
    )


def _padded(rows: Sequence[Ids], filler: int) -> _Array:
    """Return rows as one array, Int64["rows longest"], with a filler at the end."""
    ids = np.full((len(rows), max(map(len, rows))), filler, np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids
