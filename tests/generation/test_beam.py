"""The finished sequences of a beam, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearhead.generation.beam import NEVER, FinishedBeams
from clearhead.generation.settings import GenerationSettings
from clearhead.search.loop import Candidates


def candidates_of(*log_probs: float) -> Candidates:
    """Of one source: token n continues row n."""
    places = np.arange(len(log_probs))[None]
    return Candidates(np.array([log_probs], np.float32), places, places)


def own_of(candidates: Candidates) -> np.ndarray:
    return candidates.log_probs / 2


def test_only_ends_in_the_first_places_count_and_the_best_stay():
    beams = FinishedBeams.empty(1, beam=2)
    first = candidates_of(-1.0, -2.0, -3.0, -4.0)
    is_end = np.array([[False, True, True, False]])
    beams.add(first, own_of(first), is_end, round_number=0, alpha=1.0)
    assert beams.is_finished.tolist() == [[True, False]]
    assert beams.scores[0].tolist() == [-2.0, NEVER]
    # In the second round totals are divided by 2 tokens.
    second = candidates_of(-3.0, -5.0, -6.0, -7.0)
    beams.add(second, own_of(second), np.array([[True, True, True, True]]), 1, 1.0)
    assert beams.scores[0].tolist() == [-1.5, -2.0]
    assert beams.rounds[0].tolist() == [1, 0]
    assert beams.tokens[0].tolist() == [0, 1]
    assert beams.own_log_probs[0].tolist() == [-1.5, -1.0]
    # A third that is worse than both is forgotten, a better one takes the second's place.
    third = candidates_of(-5.1, -9.0, -9.0, -9.0)
    beams.add(third, own_of(third), np.array([[True, False, False, False]]), 2, 1.0)
    assert beams.scores[0].tolist() == [-1.5, np.float32(np.float32(-5.1) / 3)]


@pytest.mark.parametrize(
    ("early_stopping", "alpha", "running", "limit", "closed"),
    [
        (True, 1.0, -1.0, 9, True),  # the beam is full
        (False, 1.0, -7.9, 9, False),  # -7.9 / 2 > -4
        (False, 1.0, -8.1, 9, True),
        ("never", 1.0, -8.1, 9, False),  # but -8.1 / 9 > -4: a longer sequence may be better
        ("never", 1.0, -8.1, 2, True),
        ("never", -1.0, -1.9, 9, False),  # a negative exponent favours short: now, or never
        ("never", -1.0, -2.1, 9, True),
        (False, 0.0, -4.1, 9, True),
    ],
)
def test_when_a_search_is_over(early_stopping, alpha, running, limit, closed):
    beams = FinishedBeams.empty(1, beam=2)
    beams.scores[:] = [[-3.0, -4.0]]
    beams.is_finished[:] = True
    settings = GenerationSettings(early_stopping=early_stopping, length_penalty=alpha, num_beams=2)
    candidates = candidates_of(-0.5, running, -20.0, -21.0)
    is_end = np.array([[True, False, False, False]])  # what ends does not run
    result = beams.is_closed(candidates, is_end, 2, np.array([limit]), settings)
    assert result.tolist() == [closed]


def test_nothing_stops_a_search_before_the_beam_is_full_but_the_length():
    beams = FinishedBeams.empty(1, beam=2)
    beams.scores[0, 0], beams.is_finished[0, 0] = -1.0, True
    settings = GenerationSettings(early_stopping=True, num_beams=2)
    candidates = candidates_of(-90.0, -91.0, -92.0, -93.0)
    is_end = np.zeros((1, 4), np.bool_)
    assert not beams.is_closed(candidates, is_end, 3, np.array([5]), settings)[0]
    assert beams.is_closed(candidates, ~is_end, 3, np.array([5]), settings)[0]


def test_sources_are_dropped_together():
    beams = FinishedBeams.empty(3, beam=2)
    beams.scores[2] = -math.pi
    beams.keep(np.array([False, False, True]))
    assert beams.scores.tolist() == [[np.float32(-math.pi)] * 2]
    assert {len(value) for value in vars(beams).values()} == {1}
