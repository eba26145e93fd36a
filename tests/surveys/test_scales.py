"""Bins begin at 0, grow, and have edges that are the same on every machine."""

from __future__ import annotations

from fractions import Fraction

import pytest

from clearhead.head_kinds import MEASURES
from clearhead.surveys.scales import NATS, SCALES, SHARE, TOKENS


@pytest.mark.parametrize("scale", [NATS, SHARE, TOKENS])
def test_edges_grow_from_zero(scale):
    assert scale.edges[0] == 0
    assert list(scale.edges) == sorted(set(scale.edges))
    assert scale.bins == len(scale.edges) - 1


def test_every_score_has_a_scale_and_edges_are_exact():
    assert set(MEASURES) < set(SCALES)
    edges = (*SHARE.edges, *NATS.edges[:-1], *TOKENS.edges[:-1])
    assert all(Fraction(edge) * 2**24 % 1 == 0 for edge in edges)
    assert SHARE.edges[-1] == 1.0
