"""Heads are told by their numbers: weights times values, side by side."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.stream.head_parts import AttentionRows  # noqa: E402
from clearhead.attribution.stream.nodes import Leaf  # noqa: E402
from clearhead.attribution.stream.walk import Part, Places  # noqa: E402
from clearhead.maps.recorder.record import record  # noqa: E402
from tests.attribution.models import linear_model  # noqa: E402

PLACES = Places(batch=1, length=3, row=0, position=1)


def test_shares_by_hand():
    model = linear_model()
    with torch.no_grad(), record(model, values=True) as recording:
        model(torch.tensor([[3, 1, 4]]))
    name = "layers.0.attention"
    value = recording[name].value[0]  # heads, keys, entries
    z = value[:, :2].mean(1).flatten()
    direction = torch.arange(8.0, dtype=torch.float64)
    part = Part(Leaf(z, (), ""), direction, (), Leaf(z, (), ""), 1.0)
    rows = AttentionRows(recording, PLACES)
    shares = rows.shares(part)
    assert shares.name == name
    torch.testing.assert_close(shares.heads, (z * direction).view(2, 4).sum(1))
    torch.testing.assert_close(shares.sources.sum(1), shares.heads)
    assert shares.sources[:, 2].tolist() == [0, 0]
    other = Part(Leaf(z + 1, (), ""), direction, (), Leaf(z + 1, (), ""), 1.0)
    assert rows.shares(other) is None
