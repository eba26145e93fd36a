"""Shapes and scoring that a further step must share."""

from __future__ import annotations

from dataclasses import replace

import torch

from clearhead.maps.recording.captured import CapturedAttention
from clearhead.maps.recording.steps.compatibility import are_compatible
from clearhead.maps.scores.scoring import Scoring

QUERY, KEY = torch.randn(2, 4, 1, 8), torch.randn(2, 2, 5, 8)
SCORING = Scoring(scale=0.5, sinks=torch.zeros(4))


def step(query=QUERY, key=KEY, scoring=SCORING) -> CapturedAttention:
    return CapturedAttention(query, key, scoring, "sdpa")


def test_lengths_may_differ_and_nothing_else():
    before = (torch.randn(2, 4, 7, 8), torch.randn(2, 2, 4, 8), SCORING)
    assert are_compatible(*before, step())
    assert are_compatible(*before, step(scoring=replace(SCORING, sinks=torch.zeros(4))))
    for other in (
        step(query=QUERY[:1], key=KEY[:1]),
        step(key=KEY[:, :1]),
        step(scoring=replace(SCORING, scale=0.25)),
        step(scoring=replace(SCORING, softcap=2.0)),
        step(scoring=replace(SCORING, sinks=torch.ones(4))),
        step(scoring=replace(SCORING, sinks=None)),
        step(scoring=replace(SCORING, score_mod=lambda score, *_: score)),
    ):
        assert not are_compatible(*before, other)
