"""Batch and heads in one axis or in two: the edit is of the right head, or refused."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.interventions.intervene import intervene
from tests.maps.strangers.test_merged_heads import (
    ARRANGEMENTS,
    FOUR_AXES,
    by_bmm,
    by_fused,
    by_matmul,
    input_of,
    model_of,
)

CASES = [
    *((name, way, attend) for name, way in ARRANGEMENTS.items() for attend in (by_bmm, by_fused)),
    *((name, way, attend) for name, way in FOUR_AXES.items() for attend in (by_matmul, by_fused)),
]


@pytest.mark.parametrize("sizes", [(4, 4), (3, 2), (1, 4)])
@pytest.mark.parametrize("hint", [True, False])
@pytest.mark.parametrize(
    ("name", "arrange", "attend"), CASES, ids=[f"{one[0]} {one[2].__name__}" for one in CASES]
)
def test_the_right_head(name, arrange, attend, hint, sizes):
    batch, heads = sizes
    model = model_of(heads, arrange, attend, hint=hint)
    x = input_of(batch, heads)
    with torch.no_grad():
        expected = model(x)
        expected[:, 1] = 0
        output, error = None, ""
        try:
            with intervene(model) as edits:
                edits["attention"].head(1).zero()
                output = model(x)
        except ConfigError as refusal:
            error = str(refusal)
    if output is None:
        pieces = "cat" in name or "stack" in name
        assert not hint or (pieces and batch == heads), error
        assert "share an axis" in error
    else:
        torch.testing.assert_close(output, expected)
