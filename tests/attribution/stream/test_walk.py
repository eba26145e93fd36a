"""The way back from logits to what was added."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.stream.nodes import Leaf, Linear, Sum  # noqa: E402
from clearhead.attribution.stream.walk import Places, Walk  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402

PLACES = Places(batch=2, length=3, row=1, position=2)


def test_where_a_position_stands():
    x = torch.arange(24.0).reshape(2, 3, 4)
    truth = x[1, 2].tolist()
    assert PLACES.vector(x).tolist() == truth
    assert PLACES.vector(x.reshape(6, 4)).tolist() == truth
    assert PLACES.vector(x[1:]).tolist() == truth
    assert PLACES.vector(x[1]).tolist() == truth
    assert PLACES.vector(x[1, 2]).tolist() == truth
    assert PLACES.vector(x[:, 2:]).tolist() == truth
    turned = x.transpose(0, 1)
    assert PLACES.vector(turned, length_first=True).tolist() == truth
    assert PLACES.vector(turned.reshape(6, 4), length_first=True).tolist() == truth
    with pytest.raises(ConfigError, match=r"has the shape \[3, 2, 4\], in which the position"):
        PLACES.vector(x.transpose(0, 1))


def test_a_way_by_hand():
    torch.manual_seed(0)
    a, b = torch.randn(2, 2, 3, 4, dtype=torch.float64)
    weight = torch.randn(4, 5, dtype=torch.float64)
    bias = torch.randn(5, dtype=torch.float64)
    stream = Sum(((1.0, Leaf(a, ("",), "")), (0.5, Leaf(b, ("",), ""))), ("",), 1)
    logits = Linear(a, stream, ("",), weight, (bias,), ("", "unembed"), 2)
    walk = Walk("Model", PLACES)
    walk.follow(logits, {3: 1.0, 1: -1.0})
    direction = weight[:, 3] - weight[:, 1]
    shares = [float(part.direction @ part.node.value[1, 2]) for part in walk.parts]
    truth = [float(direction @ a[1, 2]), float(direction @ b[1, 2]) / 2]
    assert sorted(shares) == pytest.approx(sorted(truth))
    assert walk.biases[0].path == "unembed.bias"
    assert walk.biases[0].value == pytest.approx(float(bias[3] - bias[1]))
    assert [part.factor for part in walk.parts] == [0.5, 1.0]


def test_logits_that_no_matrix_gave():
    with pytest.raises(ConfigError, match="a tensor that no matrix gave"):
        Walk("Model", PLACES).follow(Leaf(torch.ones(2, 3, 4), (), "relu"), {0: 1.0})
