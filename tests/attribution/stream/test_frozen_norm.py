"""A norm is linear once its scale is frozen, and is told from its numbers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from clearhead.attribution.stream.frozen_norm import frozen_norm  # noqa: E402


class OnePlus(nn.Module):
    """A root-mean-square norm whose gain is 1 + weight."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (1 + self.weight)


NORMS = {
    "layer norm": lambda: nn.LayerNorm(6, dtype=torch.float64),
    "without bias": lambda: nn.LayerNorm(6, bias=False, dtype=torch.float64),
    "without weights": lambda: nn.LayerNorm(6, elementwise_affine=False, dtype=torch.float64),
    "root mean square": lambda: nn.RMSNorm(6, dtype=torch.float64),
    "one plus": lambda: OnePlus(6).double(),
}


@pytest.mark.parametrize("name", NORMS)
@given(seed=st.integers(0, 50))
@torch.no_grad()
def test_a_direction_is_followed_through(name, seed):
    torch.manual_seed(seed)
    module = NORMS[name]()
    for parameter in module.parameters():
        parameter.add_(torch.randn(6) * 0.5)
    x, direction = torch.randn(2, 6, dtype=torch.float64)
    y = module(x[None])[0]
    norm = frozen_norm(module, x, y, torch.float64)
    assert norm.centred == ("root" not in name and "one" not in name)
    bias = 0.0 if norm.bias is None else float(norm.bias @ direction)
    assert float(norm.before(direction) @ x) + bias == pytest.approx(float(direction @ y), abs=1e-9)


def test_what_is_no_norm():
    x = torch.randn(6, dtype=torch.float64)
    for module in (nn.GELU(), nn.Tanh(), nn.Softmax(-1)):
        assert frozen_norm(module, x, module(x), torch.float64) is None
    assert frozen_norm(nn.Identity(), torch.zeros(6).double(), x, torch.float64) is None
