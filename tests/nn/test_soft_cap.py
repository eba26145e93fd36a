"""The bound is kept, small numbers stay, and None changes nothing."""

from __future__ import annotations

import math

import pytest
import torch

from clearhead.nn.soft_cap import soft_cap


def test_it_bends_into_the_cap() -> None:
    x = torch.tensor([-1e6, -5.0, 0.0, 1e-4, 5.0, 1e6], dtype=torch.float64)
    bent = soft_cap(x, 10.0)
    assert bent.tolist() == pytest.approx([10 * math.tanh(v / 10) for v in x.tolist()])
    assert float(bent[3]) == pytest.approx(1e-4)
    assert float(bent.abs().max()) <= 10.0


def test_no_cap_changes_nothing() -> None:
    x = torch.tensor([-1e6, 3.0])
    assert soft_cap(x, None) is x
