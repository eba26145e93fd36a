"""Kinds of corpora, with rows of pairs, plain or labelled texts, and their token ids."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .corpus import Pair, Skipped, read_pairs, read_texts
from .tokenizer import Tokenizer

OTHER_LABEL = "with a label that training has not"
_NO_SEPARATORS = str.maketrans("\t\n\r", "   ")


def too_long(max_tokens: int) -> str:
    """Return the reason to leave out a row with a side of more tokens."""
    return f"longer than {max_tokens} tokens"


class Encoded(NamedTuple):
    """A row of a store, with the pair that it was encoded from."""

    pair: Pair
    source: list[int]
    target: list[int]


class Kind(ABC):
    """The kind of rows in a corpus.

    Attributes:
        noun: the word for a row in messages.
        suffix: of a file that `line` writes.
    """

    noun: str
    suffix: str = "tsv"

    @abstractmethod
    def read(self, corpus: str, skip_counts: Skipped | None) -> Iterator[Pair]:
        """Read a corpus; bad lines are counted in ``skip_counts``, or without it an error.

        Raises:
            CorpusError: naming the file and the line.
        """

    @abstractmethod
    def encode(
        self,
        pairs: Sequence[Pair],
        tokenizer: Tokenizer,
        max_tokens: int,
        skip_counts: Skipped,
    ) -> Iterator[Encoded]:
        """Yield the rows of some pairs; rejected ones are counted.

        Args:
            pairs: cleaned ones, without an empty side.
            tokenizer: of the model.
            max_tokens: the longest side of a row.
            skip_counts: of rejected pairs.
        """

    def is_empty(self, pair: Pair) -> bool:
        """Return whether a cleaned pair lacks a required side."""
        return not pair.source or not pair.target

    def line(self, pair: Pair) -> str:
        """Return a pair as `read` reads it from a file, with its end."""
        return "\t".join(text.translate(_NO_SEPARATORS) for text in pair) + "\n"


class Pairs(Kind):
    """Sentences and their translations."""

    noun = "pair"

    def read(self, corpus: str, skip_counts: Skipped | None) -> Iterator[Pair]:
        return read_pairs(corpus, skipped=skip_counts)

    def encode(
        self, pairs: Sequence[Pair], tokenizer: Tokenizer, max_tokens: int, skip_counts: Skipped
    ) -> Iterator[Encoded]:
        sources = tokenizer.encode_batch([pair.source for pair in pairs])
        targets = tokenizer.encode_batch([pair.target for pair in pairs])
        for row in map(Encoded, pairs, sources, targets):
            if max(len(row.source), len(row.target)) > max_tokens:
                skip_counts.reasons[too_long(max_tokens)] += 1
            else:
                yield row


@dataclass(frozen=True)
class Texts(Kind):
    """Plain texts, each as the source of a pair without a target.

    A row is a window of a text: its source is empty, and its target is the tokens, followed by the
    end token after the last one of the text. A text longer than ``max_tokens`` becomes several
    windows of nearly equal length, so that each of its tokens is in one.

    Attributes:
        unit: what one text is, see `clearhead.text.corpus.UNITS`.
    """

    unit: str = "paragraph"
    noun = "window"
    suffix = "txt"

    def read(self, corpus: str, skip_counts: Skipped | None) -> Iterator[Pair]:
        return (Pair(text, "") for text in read_texts(corpus, self.unit, skip_counts=skip_counts))

    def encode(
        self, pairs: Sequence[Pair], tokenizer: Tokenizer, max_tokens: int, skip_counts: Skipped
    ) -> Iterator[Encoded]:
        rows = tokenizer.encode_batch([pair.source for pair in pairs])
        for pair, ids in zip(pairs, rows, strict=True):
            for window in windows([*ids, tokenizer.end_id], max_tokens):
                yield Encoded(pair, [], window)

    def is_empty(self, pair: Pair) -> bool:
        return not pair.source

    def line(self, pair: Pair) -> str:
        return pair.source + ("\n" if self.unit == "line" else "\n\n")


def windows(ids: list[int], longest: int) -> Iterator[list[int]]:
    """Yield the fewest parts of at most some length, whose lengths differ by one at most."""
    count = -(-len(ids) // longest)
    for i in range(count):
        yield ids[i * len(ids) // count : (i + 1) * len(ids) // count]


@dataclass(frozen=True)
class LabelledTexts(Kind):
    """Texts with a label each; the target of a row is the number of the label.

    Attributes:
        labels: all that there are.
    """

    labels: tuple[str, ...] = ()
    noun = "labelled text"

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each label."""
        return {label: number for number, label in enumerate(self.labels)}

    def read(self, corpus: str, skip_counts: Skipped | None) -> Iterator[Pair]:
        return read_pairs(corpus, skipped=skip_counts)

    def encode(
        self, pairs: Sequence[Pair], tokenizer: Tokenizer, max_tokens: int, skip_counts: Skipped
    ) -> Iterator[Encoded]:
        sources = tokenizer.encode_batch([pair.source for pair in pairs])
        for pair, source in zip(pairs, sources, strict=True):
            number = self.numbers.get(pair.target)
            if number is None:
                skip_counts.reasons[OTHER_LABEL] += 1
            elif len(source) > max_tokens:
                skip_counts.reasons[too_long(max_tokens)] += 1
            else:
                yield Encoded(pair, source, [number])


PAIRS = Pairs()
