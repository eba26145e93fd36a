"""What a run adds is seen, however it is written."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from clearhead.attribution.stream.nodes import Leaf, Linear, Norm, SoftCap, Sum  # noqa: E402
from clearhead.attribution.stream.watcher import StreamWatcher  # noqa: E402


class Steps(nn.Module):
    """Runs a function as a model with two layers and a norm."""

    def __init__(self, function):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
        self.norm, self.drop = nn.LayerNorm(4), nn.Dropout(0.5)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def watched(function, x=None):
    model = Steps(function).eval()
    watcher = StreamWatcher(model)
    x = torch.randn(2, 3, 4) if x is None else x
    with torch.no_grad(), watcher:
        output = model(x)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    return watcher, watcher.node_of(output), output


def value(node):
    """What a node says that it is."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Norm):
        return node.y
    if isinstance(node, SoftCap):
        return torch.tanh(value(node.node))
    if isinstance(node, Sum):
        return sum(factor * value(term) for factor, term in node.terms)
    product = node.x @ node.weight * node.factor
    return sum((bias for bias in node.biases), product).reshape(2, 3, -1)


FUNCTIONS = {
    "a sum": lambda m, x: x + m.first(x),
    "a difference": lambda m, x: torch.sub(x, m.first(x), alpha=0.5),
    "in place": lambda m, x: m.second(x).add_(x).mul_(2.0),
    "scaled": lambda m, x: x + 0.22 * m.first(x) / 3,
    "by a tensor of one number": lambda m, x: torch.tensor(2.0) * (x + m.second(x)),
    "copied": lambda m, x: (x + m.first(x)).clone().contiguous(),
    "viewed": lambda m, x: (x + m.first(x)).reshape(6, 4).view(2, 3, 4),
    "dropped": lambda m, x: m.drop(x) + m.drop(m.first(x)),
    "capped": lambda m, x: torch.tanh((x + m.first(x)) / 30.0) * 30.0,
    "biased": lambda m, x: torch.matmul(x, m.second.weight.t()) + m.first.bias,
    "to another type": lambda m, x: (x + m.first(x)).double(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@torch.no_grad()
def test_a_sum_is_followed(name):
    _, node, output = watched(FUNCTIONS[name])
    assert not isinstance(node, Leaf)
    torch.testing.assert_close(value(node).to(output.dtype), output)


@torch.no_grad()
def test_what_is_written_to_later_was_kept():
    def function(m, x):
        part = m.second(x)
        stream = x + part
        x.zero_()
        stream += m.first(stream)
        return stream

    _, node, output = watched(function)
    torch.testing.assert_close(value(node), output)


def test_what_is_no_sum_is_a_leaf():
    for function in (lambda m, x: torch.relu(x + 1), lambda m, x: (x + m.first(x)) * x):
        node = watched(function)[1]
        assert isinstance(node, Leaf)
    # A part of a sum is not the sum.
    node = watched(lambda m, x: (x + m.first(x))[:, 1:])[1]
    assert isinstance(node, Leaf)


def test_what_modules_are_named():
    _, node, _ = watched(lambda m, x: m.norm(input=x + m.first(x)))
    assert isinstance(node, Norm)
    assert node.stack == ("", "norm")
    assert list(node.modules) == ["norm", ""]
    assert isinstance(node.x_node, Sum)
    leaf, product = (term for _, term in node.x_node.terms)
    assert isinstance(leaf, Leaf)
    assert isinstance(product, Linear)
    assert product.stack == ("", "first")
    assert product.modules == {"first": 1.0}


def test_who_reads():
    watcher, _, _ = watched(lambda m, x: m.second(m.drop(m.norm(x + m.first(x)))))
    assert [read.module for read in watcher.reads] == ["first", "norm", "second"]
    assert isinstance(watcher.reads[1].node, Sum)


def test_weights_are_named():
    node = watched(
        lambda m, x: (
            x
            + m.first.bias
            + torch.nn.functional.embedding(torch.ones(2, 3, dtype=torch.long), m.second.weight)
        )
    )[1]
    inner, lookup = (term for _, term in node.terms)
    assert lookup.operator == "embedding"
    assert lookup.weight == "second.weight"
    bias = inner.terms[1][1]
    assert (bias.operator, bias.weight) == ("parameter", "first.bias")


def test_errors_of_the_model_come_out_and_hooks_go():
    def function(m, x):
        m.first(x)
        raise RuntimeError("of the model")

    model = Steps(function)
    with pytest.raises(RuntimeError, match="of the model"), torch.no_grad(), StreamWatcher(model):
        model(torch.randn(1, 2, 4))
    assert not model.first._forward_hooks
