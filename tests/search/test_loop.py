"""The rounds of a search, with the simplest rules there are."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.search.loop import Candidates, SearchLoop
from clearhead.search.prefixes import SearchStep, prefix_of

VOCABULARY, END = 5, 2


class Shortest(SearchLoop):
    """A source is finished as soon as a sequence ends."""

    def __init__(self, log_probs: np.ndarray, sources: int, beam: int, candidates: int) -> None:
        first = SearchStep(np.ones(sources, np.int64), np.arange(sources), np.zeros(sources))
        super().__init__(self, beam, candidates, first, filler=1)
        self.log_probs = log_probs
        self.widths: list[int] = []
        self.sequences: dict[int, list[int]] = {}

    def advance(self, tokens, parents):
        self.widths.append(len(tokens))
        return self.log_probs[tokens].copy()  # what follows depends on the last token alone

    def constrain(self, scores):
        return scores

    def expand(self, log_probs):
        return self.best_of_beam(log_probs)

    def ends(self, candidates):
        return (candidates.tokens == END) & (candidates.log_probs > -np.inf)

    def finish(self, candidates: Candidates, is_end):
        for place in np.flatnonzero(is_end.any(axis=1)):
            row = candidates.rows[place, is_end[place].argmax()]
            self.sequences[int(self.active[place])] = prefix_of(self.steps, int(row))
        return is_end.any(axis=1) | (self.length >= 6)


@pytest.fixture
def chain():
    """1 is followed by 3 or 4; 3 by 4, 4 by the end or by itself."""
    probabilities = np.zeros((VOCABULARY, VOCABULARY))
    probabilities[1, [3, 4]] = 0.7, 0.3
    probabilities[3, 4] = 1.0
    probabilities[4, [4, END]] = 0.9, 0.1
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def test_rounds_go_on_until_every_source_is_finished(chain):
    search = Shortest(chain, sources=2, beam=2, candidates=4)
    rounds = [search.width for _ in search.rounds()]
    assert search.sequences == {0: [4], 1: [4]}  # 1, 4, end: before 1, 3, 4, end
    assert search.widths == [2, 4]  # one row each at first, then a beam each
    assert rounds == [2, 2]


def test_a_narrow_first_round_is_filled_with_what_is_impossible(chain):
    search = Shortest(chain, sources=1, beam=3, candidates=6)
    next(search.rounds())
    assert search.next.tokens[:2].tolist() == [3, 4]
    np.testing.assert_allclose(np.exp(search.next.log_probs), [0.7, 0.3, 0.0])


def test_better_siblings_cost_a_penalty(chain):
    search = Shortest(chain, sources=1, beam=1, candidates=2)
    search.sibling_penalty = 0.5
    search.steps.append(search.next)
    search.steps.append(search.next)
    candidates = search.best_of_beam(chain[[1]])
    np.testing.assert_allclose(candidates.log_probs, np.log([[0.7, 0.3]]) - [[0.5, 1.0]])
