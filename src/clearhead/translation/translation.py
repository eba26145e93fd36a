"""The result of a translation: its text, and where every part of it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.protocols import FloatArray
from .rules.reading import Action


@dataclass(frozen=True)
class Segment:
    """One sentence of a text as given to the model, or a stretch that was kept.

    Attributes:
        source: the text, as it stands in the whole source.
        text: its translation; kept stretches stay the same, but marks around a sentence may change
            to those of the target language.
        log_prob: natural logarithm of the translation's probability given the source, summed
            over its tokens and the end token; 0 for what was kept.
        source_tokens, tokens: pieces of words as the model read and wrote them (with stand-ins
            for placeholders, where these were used), without special tokens.
        token_log_probs: of each token and of the end token.
        alignment: how much each token attended to each source token, ``[len(tokens),
            len(source_tokens)]``, if requested.
        read: the sentence as the model read it.
        actions: what the rules around the model did to it, in order.
    """

    source: str
    text: str
    log_prob: float = 0.0
    source_tokens: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    token_log_probs: tuple[float, ...] = ()
    alignment: FloatArray | None = None
    read: str = ""
    actions: tuple[Action, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether it was kept and not translated."""
        return not self.source_tokens


@dataclass(frozen=True)
class Translation:
    """The translation of one text.

    Attributes:
        source: the text to translate.
        segments: its sentences and the text between them, in order.
        alternatives: the n best, this one first, if more than one was requested. For a text of
            several sentences they join the first, second, ... best of each.
    """

    source: str
    segments: tuple[Segment, ...] = ()
    alternatives: tuple[Translation, ...] = ()

    @property
    def text(self) -> str:
        """The translation."""
        return "".join(segment.text for segment in self.segments)

    def __str__(self) -> str:
        return self.text

    @property
    def score(self) -> float:
        """Natural logarithm of the probability: the sum over all segments."""
        return sum(segment.log_prob for segment in self.segments)

    @property
    def source_tokens(self) -> tuple[str, ...]:
        """All segments' source tokens."""
        return _join(segment.source_tokens for segment in self.segments)

    @property
    def tokens(self) -> tuple[str, ...]:
        """All segments' tokens."""
        return _join(segment.tokens for segment in self.segments)

    @property
    def alignment(self) -> FloatArray | None:
        """All segments' alignments, ``[len(tokens), len(source_tokens)]``; None if not requested.

        Between different sentences the alignment is 0.
        """
        sentences = [segment for segment in self.segments if not segment.kept]
        parts = [segment.alignment for segment in sentences if segment.alignment is not None]
        if not parts or len(parts) < len(sentences):
            return None
        whole = np.zeros((len(self.tokens), len(self.source_tokens)), dtype=parts[0].dtype)
        row = column = 0
        for part in parts:
            whole[row : row + len(part), column : column + part.shape[1]] = part
            row, column = row + len(part), column + part.shape[1]
        return whole

    def pairs(self) -> list[tuple[int, int]]:
        """Return (source, target) indices: for each token the source token it attended to most."""
        alignment = self.alignment
        if alignment is None or not alignment.size:
            return []
        return [(int(row.argmax()), place) for place, row in enumerate(alignment)]

    def to_dict(self, *, alternatives: bool = True) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        alignment = self.alignment
        plain: dict[str, Any] = {
            "source": self.source,
            "text": self.text,
            "score": self.score,
            "source_tokens": list(self.source_tokens),
            "tokens": list(self.tokens),
            "segments": [_plain(segment) for segment in self.segments if not segment.kept],
        }
        stretches = [segment for segment in self.segments if segment.kept and segment.actions]
        if stretches:
            plain["kept"] = [
                {"text": segment.text, "rule": segment.actions[0].rule} for segment in stretches
            ]
        if alignment is not None:
            plain["alignment"] = [[round(float(x), 4) for x in row] for row in alignment]
        if alternatives and self.alternatives:
            plain["alternatives"] = [
                {"text": other.text, "score": other.score} for other in self.alternatives
            ]
        return plain


def _plain(segment: Segment) -> dict[str, Any]:
    plain = {"source": segment.source, "text": segment.text, "score": segment.log_prob}
    if segment.actions:
        plain["read"] = segment.read
        plain["rules"] = [
            {"rule": action.rule, "change": action.change} for action in segment.actions
        ]
    return plain


def _join(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(token for part in parts for token in part)
