"""A cache of search results, so that repeated sentences are searched for only once."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

from ..search.hypothesis import Hypothesis
from ..search.settings import SearchSettings

Sources = Sequence[Sequence[int]]
Search = Callable[[Sources, Sequence[Sequence[int]]], list[list[Hypothesis]]]
_Key = tuple[bytes, bytes, SearchSettings]
# The token ids of all hypotheses, their tokens' log-probabilities, and five numbers for each.
_Compact = tuple[bytes, bytes, bytes]


class RecentAnswers:
    """The hypotheses of recent sources, by their token ids; thread-safe.

    Args:
        most: the number of sources remembered; the least recently used are dropped first. With a
            beam of 4, a source of ten tokens takes less than a kilobyte.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._answers: OrderedDict[_Key, _Compact] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0  # sources answered from the cache

    def answer(
        self,
        sources: Sources,
        settings: SearchSettings,
        prefixes: Sequence[Sequence[int]],
        search: Search,
    ) -> list[list[Hypothesis]]:
        """Return the hypotheses of each source; ``search`` is called for the new ones.

        Args:
            sources: token ids, end token included.
            settings: of the search.
            prefixes: the required beginning of each target.
            search: takes the new sources and their prefixes, without duplicates.
        """
        keys = [
            (array("i", source).tobytes(), array("i", prefix).tobytes(), settings)
            for source, prefix in zip(sources, prefixes, strict=True)
        ]
        results: dict[_Key, list[Hypothesis]] = {}
        new: dict[_Key, int] = {}
        with self._lock:
            for place, key in enumerate(keys):
                if key in self._answers:
                    self._answers.move_to_end(key)
                    results[key] = _unpack(self._answers[key])
                else:
                    new.setdefault(key, place)
            self.hits += len(keys) - len(new)
        places = list(new.values())
        searched = search([sources[i] for i in places], [prefixes[i] for i in places])
        results.update(zip(new, searched, strict=True))
        with self._lock:
            for key in new:
                self._answers[key] = _pack(results[key])
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return [results[key] for key in keys]


def _pack(hypotheses: Sequence[Hypothesis]) -> _Compact:
    tokens = array("i", [token for one in hypotheses for token in one.tokens])
    parts = array("d", [part for one in hypotheses for part in one.token_log_probs])
    numbers = array("d")
    for one in hypotheses:
        sizes = (len(one.tokens), len(one.token_log_probs))
        numbers.extend((*sizes, one.score, one.log_prob, one.ended))
    return tokens.tobytes(), parts.tobytes(), numbers.tobytes()


def _unpack(compact: _Compact) -> list[Hypothesis]:
    tokens, parts = array("i", compact[0]).tolist(), array("d", compact[1]).tolist()
    numbers = iter(array("d", compact[2]))
    hypotheses, token, part = [], 0, 0
    for size, part_count, score, log_prob, ended in zip(*[numbers] * 5, strict=True):
        length, count = int(size), int(part_count)
        hypotheses.append(
            Hypothesis(
                tuple(tokens[token : token + length]),
                score,
                log_prob,
                tuple(parts[part : part + count]),
                bool(ended),
            )
        )
        token, part = token + length, part + count
    return hypotheses
