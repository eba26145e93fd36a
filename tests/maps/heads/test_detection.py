"""TransformerLens's scores, against its definition over whole matrices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.maps import AttentionMap, Source
from clearhead.maps.heads.detection import ERROR_MEASURES, PATTERNS, detect_heads


def by_definition(
    weights: np.ndarray, ids: list[int], pattern: str, error_measure: str, bos: bool, own: bool
) -> float:
    """Its words: a pattern of ones, products or differences, and what is excluded set to 0."""
    size = len(ids)
    target = np.zeros((size, size))
    for i, j in itertools.product(range(size), repeat=2):
        target[i, j] = {
            "previous_token_head": j == i - 1,
            "duplicate_token_head": j < i and ids[j] == ids[i],
            "induction_head": 0 < j <= i and ids[j - 1] == ids[i],
        }[pattern]
    if error_measure == "mul":
        left = weights.copy()
        left[:, 0] *= not bos
        left[np.eye(size, dtype=bool)] *= not own
        return float((left * target).sum() / left.sum())
    apart = np.abs(weights - target)
    apart[:, 0] *= not bos
    apart[np.eye(size, dtype=bool)] *= not own
    return 1 - round(float(apart.mean() * size), 3)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("error_measure", ERROR_MEASURES)
def test_scores_are_those_of_the_definition(pattern: str, error_measure: str) -> None:
    torch.manual_seed(0)
    one = AttentionMap.of(3 * torch.randn(2, 4, 23, 8), torch.randn(2, 2, 23, 8), causal=True)
    ids = torch.randint(0, 5, (2, 23))  # tokens stand twice in a row, too
    weights = one[...].double().numpy()
    for bos, own in itertools.product((False, True), repeat=2):
        scores = detect_heads(
            {"h": one}, pattern, ids=ids, error_measure=error_measure,
            exclude_bos=bos, exclude_current_token=own,
        )[pattern]["h"]  # fmt: skip
        for row, head in np.ndindex(2, 4):
            truth = by_definition(
                weights[row, head], ids[row].tolist(), pattern, error_measure, bos, own
            )
            # Of "abs" the third digit after the point is rounded.
            bound = 1e-6 if error_measure == "mul" else 1.01e-3
            assert float(scores[row, head]) == pytest.approx(truth, abs=bound)


def test_what_cannot_be_compared_is_refused() -> None:
    one = AttentionMap.of(torch.randn(1, 1, 4, 8), torch.randn(1, 1, 4, 8), causal=True)
    with pytest.raises(ConfigError, match=r"pattern is one of previous_token_head.*'mover'"):
        detect_heads({"h": one}, "mover")
    with pytest.raises(ConfigError, match=r"error_measure is one of mul, abs; got 'square'"):
        detect_heads({"h": one}, PATTERNS[0], error_measure="square")
    with pytest.raises(ConfigError, match="induction_head compares tokens, and 'h' has none"):
        detect_heads({"h": one}, "induction_head")
    assert detect_heads({"h": one}, PATTERNS[0])[PATTERNS[0]]["h"].shape == (1, 1)
    assert list(detect_heads({"h": one}, ids=torch.tensor([[1, 2, 1, 2]]))) == [*PATTERNS]
    cross = AttentionMap.of(one.query, one.key, source=Source(kind="cross"))
    with pytest.raises(ConfigError, match=r"self-attention.*'h' is of 4 queries on 4 keys.*heads"):
        detect_heads({"h": cross}, PATTERNS[0])
