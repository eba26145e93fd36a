"""Checks dictionary entries against sentences: does an entry's French occur with its English?

A dictionary lists every sense of a word, and a model that learns all of them uses wrong ones, such
as "coup" for "round". Sentences translated by people show which senses are in use. This is a cheap
form of word association in parallel text (Gale and Church 1991, "Identifying Word Correspondence in
Parallel Texts"): the share of the sentences with an entry's rarest English word that have its
French.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Set

from ..text.corpus import Pair
from ..text.shares import number_of
from ..translation.rules.languages.language import word_set

NOT_ATTESTED = "not attested"

_WORD = re.compile(r"[^\W\d_]+")
# Function words, which are ignored if a term has other words.
_ENGLISH_SMALL_WORDS = word_set("a an her his i is it my of s the this to")
_FRENCH_SMALL_WORDS = word_set(
    """
    à au aux c ce ces cet cette chaque d de des du en est il j je l la le les leur leurs ma mes mon
    n nos notre qu que quel quelle quelles quels s sa se ses son ta tes ton un une vos votre y
    """
)
_FEWEST_SENTENCES = 3
_BEGINNING = 5  # letters, shared by most forms of a word
_LONGEST_SENTENCE = 160  # characters; in long sentences any two words may co-occur


class Attestation:
    """Sentences indexed by their English words, to check terms against.

    For each word that a term may need, a limited number of sentences is kept: those of the earliest
    corpora, and within a corpus those with the lowest hashes, so that the order of lines does not
    matter. Other sentences are dropped at once.

    Args:
        english_words: of the terms, in lower case, as from `words_of`.
        other_words: English words that count as used even without a sentence.
        least_share: the least share of a word's sentences that must have the French.
        most_sentences: the largest number of sentences to keep for a word.
    """

    def __init__(
        self,
        english_words: Set[str],
        *,
        other_words: Set[str] = frozenset(),
        least_share: float,
        most_sentences: int,
    ) -> None:
        self._other_words = other_words
        self._least_share, self._most_sentences = least_share, most_sentences
        self._counts: Counter[str] = Counter()
        # For each English word, a heap with the last sentence first. A row has the negative number
        # of the corpus, the negative hash, and the French words, each after a space. All words of a
        # sentence share one row.
        self._rows: dict[str, list[tuple[int, int, str]]] = {word: [] for word in english_words}

    def add(self, corpus: int, pairs: Iterable[Pair]) -> None:
        """Add distinct sentences of a corpus; corpora of lower numbers take precedence."""
        for pair in pairs:
            if len(pair.source) <= _LONGEST_SENTENCE:
                self._add(-corpus, -number_of(*pair), pair)

    def _add(self, corpus: int, number: int, pair: Pair) -> None:
        words = [word for word in set(words_of(pair.source)) if word in self._rows]
        self._counts.update(words)
        heaps = [self._rows[word] for word in words]
        heaps = [heap for heap in heaps if self._has_room(heap, corpus, number)]
        if not heaps:
            return
        row = (corpus, number, "".join(f" {word}" for word in words_of(pair.target)))
        for heap in heaps:
            heapq.heappush(heap, row)
            if len(heap) > self._most_sentences:
                heapq.heappop(heap)

    def _has_room(self, heap: list[tuple[int, int, str]], corpus: int, number: int) -> bool:
        return len(heap) < self._most_sentences or heap[0][:2] < (corpus, number)

    def covers(self, term: Pair) -> bool:
        """Return whether the sentences confirm a term.

        They do if enough of the sentences with the term's rarest English word have the beginning of
        its longest French word. If fewer than three sentences have that English word, it is enough
        that each English word is in use. Function words count only if a side has no others; a term
        without letters is never confirmed.
        """
        english = _main_words(term.source, _ENGLISH_SMALL_WORDS)
        french = _main_words(term.target, _FRENCH_SMALL_WORDS)
        if not english or not french:
            return False
        rarest = min(english, key=lambda word: self._counts[word])
        rows = self._rows.get(rarest, [])
        if len(rows) < _FEWEST_SENTENCES:
            return all(self._counts[word] or word in self._other_words for word in english)
        beginning = f" {max(french, key=len)[:_BEGINNING]}"
        return sum(beginning in text for *_, text in rows) >= self._least_share * len(rows)


def _main_words(text: str, small_words: Set[str]) -> list[str]:
    words = list(words_of(text))
    return [word for word in words if word not in small_words] or words


def words_of(text: str) -> Iterator[str]:
    """Yield the runs of letters of a text, in lower case: "l'arbre" has two."""
    return (match[0] for match in _WORD.finditer(text.lower()))
