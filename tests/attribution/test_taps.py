"""What passes at a place, and its gradient."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from clearhead.attribution.taps import (  # noqa: E402
    Substitute,
    Tap,
    gradients,
    on_inputs,
    on_outputs,
)
from clearhead.errors import ConfigError  # noqa: E402


class InPlace(nn.Module):
    """A model that writes to what its module returned."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x):
        y = self.inner(x)
        y += 1
        return (y * y).sum()


def test_a_tap_is_not_disturbed_by_what_is_written_in_place():
    model, x = InPlace(), torch.randn(2, 3)
    tap = Tap()
    with on_outputs(model, {"inner": tap}):
        value = model(x)
    y = model.inner(x).detach()
    assert torch.equal(tap.values[0], y)
    torch.testing.assert_close(gradients(value, tap.edges)[0], 2 * (y + 1))
    assert not model.inner._forward_hooks


def test_each_reader_has_its_own_gradient():
    model = nn.ModuleList([nn.Linear(3, 1, bias=False), nn.Linear(3, 1, bias=False)])
    taps = {"0": Tap(), "1": Tap()}
    x = torch.randn(2, 3)
    with on_inputs(model, taps):
        value = (model[0](x) + 2 * model[1](input=x)).sum()
    first, second = gradients(value, [taps["0"].edges[0], taps["1"].edges[0]])
    torch.testing.assert_close(first, model[0].weight.detach().expand(2, 3))
    torch.testing.assert_close(second, 2 * model[1].weight.detach().expand(2, 3))


def test_without_gradients_a_tap_hands_on_the_same_tensor():
    x, tap = torch.ones(2), Tap()
    with torch.no_grad():
        assert tap(x) is x
    assert not tap.edges


def test_a_substitute_leaves_what_it_has_no_tensor_for():
    substitute = Substitute([torch.zeros(2), None])
    assert torch.equal(substitute(torch.ones(2)), torch.zeros(2))
    assert torch.equal(substitute(torch.ones(2)), torch.ones(2))


def test_a_module_that_returns_no_tensor():
    class Words(nn.Module):
        def forward(self):
            return "words"

    model = nn.ModuleList([Words()])
    with on_outputs(model, {"0": Tap()}), pytest.raises(ConfigError, match="returned str"):
        model[0]()


def test_a_metric_without_gradient():
    with pytest.raises(ConfigError, match=r"without .item\(\) or .detach\(\)"):
        gradients(torch.ones(()), [])
