"""BPE dropout (Provilkov et al. 2020): words are split differently each time they are seen.

A word is merged again from its characters, and each possible merge is skipped with a certain
probability. The tokenizers library can do this, but its random numbers cannot be seeded. So it is
done here, on token ids, with random numbers from the run's seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ...file_reading import parse_json
from ...text.tokenizer import FIRST_LEARNT, SPACE, Tokenizer


class SubwordDropout:
    """Splits the words of rows of token ids again, at random.

    Args:
        tokenizer: of the model.
        probability: of skipping a merge, each time it is possible.
        longest: the largest number of tokens; a row that would become longer stays as it is.
    """

    def __init__(self, tokenizer: Tokenizer, probability: float, longest: int) -> None:
        self._tokenizer = tokenizer
        self._probability, self._longest = probability, longest
        self._characters: dict[int, tuple[int, ...]] = {}

    @cached_property
    def _merges(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The rank and the resulting id of each merge, by the ids of its two parts."""
        model = parse_json(self._tokenizer.to_json())["model"]
        ids, merges = model["vocab"], {}
        for rank, merge in enumerate(model["merges"]):
            first, second = merge.split(" ") if isinstance(merge, str) else merge
            merges[ids[first], ids[second]] = (rank, ids[first + second])
        return merges

    @cached_property
    def _parts(self) -> dict[int, tuple[int, int]]:
        return {result: pair for pair, (_, result) in self._merges.items()}

    @cached_property
    def _begins(self) -> np.ndarray:
        """For each token, whether it begins a word, that is, begins with a space."""
        size = self._tokenizer.vocab_size
        pieces = self._tokenizer.pieces(range(size))
        return np.array([i >= FIRST_LEARNT and p.startswith(SPACE) for i, p in enumerate(pieces)])

    def recut(self, row: Sequence[int] | np.ndarray, numbers: random.Random) -> np.ndarray:
        """Return a row with its words split again; the text stays the same.

        Args:
            row: token ids, without specials.
            numbers: the random number generator.
        """
        ids = np.asarray(row)
        starts = np.flatnonzero(self._begins[ids]).tolist()
        if not starts or starts[0]:
            starts.insert(0, 0)
        fresh: list[int] = []
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            fresh += self._merge(ids[start:end].tolist(), numbers)
        return ids if len(fresh) > self._longest else np.array(fresh, dtype=ids.dtype)

    def _merge(self, word: list[int], numbers: random.Random) -> list[int]:
        tokens = [part for token in word for part in self._spell(token)]
        merges, probability = self._merges, self._probability
        while len(tokens) > 1:
            best: tuple[int, int] | None = None
            places: list[int] = []
            for i in range(len(tokens) - 1):
                merge = merges.get((tokens[i], tokens[i + 1]))
                if merge is None or numbers.random() < probability:
                    continue
                if best is None or merge < best:
                    best, places = merge, [i]
                elif merge == best:
                    places.append(i)
            if best is None:
                break
            for i in reversed(_apart(places)):
                tokens[i : i + 2] = [best[1]]
        return tokens

    def _spell(self, token: int) -> tuple[int, ...]:
        """Return the characters and bytes that a token was merged from."""
        if token not in self._characters:
            parts = self._parts.get(token)
            spelt = (token,) if parts is None else self._spell(parts[0]) + self._spell(parts[1])
            self._characters[token] = spelt
        return self._characters[token]


def _apart(places: list[int]) -> list[int]:
    """Return the positions of a merge from left to right, without overlapping ones."""
    free: list[int] = []
    for place in places:
        if not free or place > free[-1] + 1:
            free.append(place)
    return free
