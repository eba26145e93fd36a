"""What becomes of numbers."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.interventions import changes
from clearhead.interventions.edits import Place

X = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(0))
PLACE = Place("attention", "value", (1,), torch.arange(3), 2)


def test_changes():
    assert torch.equal(changes.zero()(X, PLACE), 0 * X)
    assert torch.equal(changes.scale(-2.0)(X, PLACE), -2.0 * X)
    assert torch.equal(changes.apply(torch.exp)(X, PLACE), X.exp())
    vector = torch.arange(4.0)
    assert torch.equal(changes.substitute(vector)(X, PLACE), vector.expand(X.shape))
    assert torch.equal(changes.substitute(3)(X, PLACE), torch.full_like(X, 3))
    with pytest.raises(
        ConfigError, match=r"shape \[5\] cannot take the place of the value of 'att"
    ):
        changes.substitute(torch.zeros(5))(X, PLACE)
