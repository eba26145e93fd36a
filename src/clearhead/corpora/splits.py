"""Sentences held out of all training, for development and test sets of several kinds.

A pair is held out by its English sentence, whichever direction a model is trained in. The hash of
the sentence's letters and digits decides (`clearhead.text.token_store.split_position`), so that
every version of a sentence, in every corpus, is on the same side of the split.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..text.corpus import Pair
from ..text.shares import number_of
from ..text.token_store import split_position

PARTS = ("development", "test")


class HeldOut:
    """Collects the held-out pairs by kind.

    Args:
        share: of distinct English sentences, between 0 and 1.
        most_pairs: the largest number of pairs in one set.
    """

    def __init__(self, share: float, most_pairs: int) -> None:
        self.share, self.most_pairs = share, most_pairs
        # By kind and English sentence: the hash of a pair, and the pair.
        self._pairs: dict[str, dict[str, tuple[int, Pair]]] = {}

    def covers(self, english: str) -> bool:
        """Return whether a sentence is held out."""
        return self.share > 0 and split_position(english) < self.share

    def add(self, kind: str, pair: Pair) -> None:
        """Add a held-out pair of English and French to the sets of its kind.

        Of several translations of a sentence, one is kept, whatever their order.
        """
        pairs = self._pairs.setdefault(kind, {})
        chance = number_of(*pair)
        if pair.source not in pairs or chance < pairs[pair.source][0]:
            pairs[pair.source] = (chance, pair)

    def sets(self) -> Iterator[tuple[str, str, list[Pair]]]:
        """Yield kind, part and pairs of each set; the lower half of the share is for development.

        Pairs are in the order of their hashes, so that any number of first ones is a fair sample.
        """
        for kind in sorted(self._pairs):
            pairs = [pair for _, pair in self._pairs[kind].values()]
            pairs.sort(key=lambda pair: (split_position(pair.source), pair.source))
            for part in PARTS:
                is_test = part == "test"
                half = [p for p in pairs if (split_position(p.source) >= self.share / 2) == is_test]
                yield kind, part, half[: self.most_pairs]
