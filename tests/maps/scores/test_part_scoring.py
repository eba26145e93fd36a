"""The scoring of a part gives the scores that the part has in the whole."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.scores import part_scoring
from clearhead.maps.scores.bias import ToeplitzBias
from clearhead.maps.scores.scoring import Scoring

BATCH, HEADS, QUERIES, KEYS = 3, 2, 6, 8
torch.manual_seed(0)
Q, K = torch.randn(BATCH, HEADS, QUERIES, 4), torch.randn(BATCH, HEADS, KEYS, 4)
HOLES = torch.rand(BATCH, 1, QUERIES, KEYS) > 0.4
PADDING = (torch.arange(KEYS) < torch.tensor([8, 5, 2])[:, None])[:, None, None]
DISTANCE = torch.arange(KEYS) - torch.arange(QUERIES)[:, None]

SCORINGS = {
    "ranges": {"mask": PADDING, "causal": True, "causal_offset": 2},
    "holes": {"mask": HOLES, "causal": True, "causal_offset": 2},
    "by distance": {"bias": DISTANCE[None, None] * torch.tensor([0.5, 0.1])[:, None, None]},
    "bias": {"bias": torch.randn(BATCH, 1, QUERIES, KEYS)},
    "even rows": {"mask": torch.where(HOLES, 0.0, torch.finfo(torch.float32).min)},
    "modified": {"score_mod": lambda score, b, h, i, j: score + 0.1 * b + 0.01 * i * j},
}


@pytest.fixture(params=SCORINGS)
def scoring(request):
    return Scoring.of(Q, K, **SCORINGS[request.param])


def test_rows_of_the_batch(scoring):
    rows = torch.tensor([2, 0, 2, 1])
    part = part_scoring.scoring_of_rows(scoring, rows)
    torch.testing.assert_close(part.tile(Q[rows], K[rows]), scoring.tile(Q, K)[rows])


def test_some_queries(scoring):
    part = part_scoring.scoring_of_queries(scoring, 2, 5)
    torch.testing.assert_close(part.tile(Q[:, :, 2:5], K), scoring.tile(Q, K)[:, :, 2:5])


def test_the_first_keys(scoring):
    """Whether a query sees the others is for the caller to know: here none is asked."""
    part = part_scoring.scoring_of_keys(scoring, QUERIES, 5)
    torch.testing.assert_close(part.tile(Q, K[:, :, :5]), scoring.tile(Q, K)[..., :5])


def test_rows_that_end(scoring):
    part = part_scoring.without_rows(scoring, torch.tensor([6, 4, 0]), QUERIES, KEYS)
    expected = scoring.tile(Q, K).clone()
    expected[1, :, 4:] = expected[2] = -torch.inf
    torch.testing.assert_close(part.tile(Q, K), expected)


def test_a_bias_by_distance_stays_one():
    scoring = Scoring.of(Q, K, **SCORINGS["by distance"])
    for part in (
        part_scoring.scoring_of_queries(scoring, 1, 4),
        part_scoring.scoring_of_keys(scoring, QUERIES, 5),
    ):
        assert isinstance(part.bias, ToeplitzBias)
        assert part.bias.nbytes < scoring.bias.nbytes
