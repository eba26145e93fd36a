"""Blocks before an edit return what they returned; where that would be wrong, it is noticed."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from clearhead.attribution.target import Target  # noqa: E402
from clearhead.sweeps.blocks import Blocks  # noqa: E402
from clearhead.sweeps.sweep import sweep  # noqa: E402
from tests.attribution.models import LinearLayer, LinearModel, linear_model  # noqa: E402

IDS = torch.tensor([[3, 1, 4, 1, 5]])
TARGET = Target(3, 5)


class WithState(LinearModel):
    """Each block reads what the block two before it wrote."""

    def __init__(self, *, writes: bool) -> None:
        super().__init__(layers=4)
        self.writes = writes

    def forward(self, input_ids):
        x = self.embed(input_ids)
        for place, layer in enumerate(self.layers):
            x = layer(x)
            if self.writes and place >= 2:
                x = x + torch.tanh(self.layers[place - 2].attention.last)
        return self.unembed(x)


def model_with_state(*, writes: bool) -> WithState:
    torch.manual_seed(0)
    model = WithState(writes=writes).double().eval()
    for layer in model.layers:
        attention = layer.attention
        forward = type(attention).forward

        def noting(x, attention=attention, forward=forward):
            attention.last = forward(attention, x)
            return attention.last

        attention.forward = noting
    return model


def counted(model: LinearModel) -> list[str]:
    """The names of the layers' attentions as they run."""
    runs: list[str] = []
    for place, layer in enumerate(model.layers):
        layer.attention.register_forward_hook(
            lambda module, args, output, place=place: runs.append(str(place))
        )
    return runs


def blocks_of(model: nn.Module) -> tuple[Blocks, float]:
    blocks = Blocks(model, 1)
    with torch.no_grad(), blocks.watch():
        before = float(TARGET(model(IDS)))
    return blocks, before


def measure_of(model: nn.Module):
    def measure(copies: int) -> float:
        with torch.no_grad():
            return float(TARGET(model(IDS.repeat(copies, 1))[:1]))

    return measure


def test_what_ended_before_is_not_computed_again():
    model = linear_model()
    blocks, before = blocks_of(model)
    assert blocks.names == ["layers.0", "layers.1"]
    assert blocks.modules[:3] == ["embed", "layers.0", "layers.0.attention"]
    runs = counted(model)
    earlier = blocks.before(["layers.1.attention"])
    assert [one.name for one in earlier] == ["layers.0"]
    assert blocks.before(["layers.0.attention", "layers.1"]) == []
    # A module that was never called counts as the one around it.
    assert [one.name for one in blocks.before(["layers.1.nowhere"])] == ["layers.0"]
    with blocks.short_cut(earlier, 2):
        assert measure_of(model)(2) == pytest.approx(before, abs=1e-12)
    assert runs == ["1"]
    assert "forward" not in model.layers[0].__dict__


def test_a_forward_of_its_own_is_put_back():
    model = linear_model()
    forward = model.layers[0].forward
    model.layers[0].forward = forward
    blocks, _ = blocks_of(model)
    with blocks.short_cut(blocks.before(["layers.1"]), 1):
        assert model.layers[0].__dict__["forward"] is not forward
    assert model.layers[0].__dict__["forward"] is forward


def test_short_cuts_that_hold_are_taken():
    model = linear_model()
    blocks, before = blocks_of(model)
    with torch.no_grad():
        model(IDS.flip(1))
    blocks.try_short_cuts(measure_of(model), before, 2)
    assert blocks.usable


@pytest.mark.parametrize("writes", [True, False])
def test_a_block_that_writes_elsewhere_is_noticed(writes):
    model = model_with_state(writes=writes)
    blocks, before = blocks_of(model)
    with torch.no_grad():
        model(IDS.flip(1))
    blocks.try_short_cuts(measure_of(model), before)
    assert blocks.usable != writes
    assert (blocks.before(["layers.3"]) == []) == writes


def test_numbers_are_right_with_and_without_short_cuts():
    for writes in (True, False):
        model = model_with_state(writes=writes)
        result = sweep(model, IDS, TARGET, batch_size=3)
        attention = model.layers[2].attention
        with torch.no_grad():
            attention.output.weight[:, 4:] = 0.0
            number = float(TARGET(model(IDS)))
        assert result.at(module="layers.2.attention", head=1) == pytest.approx(
            number - result.before, abs=1e-10
        )


class Raising(LinearLayer):
    """A block that runs only behind the one before it, which says so."""

    def __init__(self) -> None:
        super().__init__(8, 2)
        self.ran: list[str] = []

    def forward(self, x):
        if not self.ran:
            raise KeyError("nothing was written")
        self.ran.clear()
        return super().forward(x)


def test_a_block_that_fails_without_another_is_noticed():
    torch.manual_seed(0)
    model = LinearModel().double()
    second = model.layers[1] = Raising().double()
    model.eval()
    model.layers[0].feed_forward.register_forward_hook(
        lambda module, args, output: second.ran.append("feed_forward")
    )
    blocks, before = blocks_of(model)
    blocks.try_short_cuts(measure_of(model), before)
    assert not blocks.usable
    values = sweep(model, IDS, TARGET).values
    assert np.isfinite(values).all()


def test_projections_are_not_computed_again():
    model = linear_model()
    calls: list[int] = []
    for layer in model.layers:
        forward = layer.attention.value.forward

        def counting(x, forward=forward):
            calls.append(len(x))
            return forward(x)

        layer.attention.value.forward = counting
    values = sweep(model, IDS, TARGET, batch_size=2).values
    # Two layers: the plain run, the run beside other texts, a trial in which the second block runs,
    # and that block behind the heads of the first.
    assert calls == [1, 1, 2, 2, 1, 2]
    assert np.isfinite(values).all()


def number_without_head(model: nn.Module, place: int, head: int) -> float:
    weights = model.layers[place].attention.output.weight
    with torch.no_grad():
        before = weights.clone()
        weights[:, 4 * head : 4 * head + 4] = 0.0
        number = float(TARGET(model(IDS)))
        weights.copy_(before)
    return number


class Writing(nn.Linear):
    """A projection from whose output another module reads, too."""

    def forward(self, x):
        self.last = super().forward(x)
        return self.last


class Reading(LinearLayer):
    def __init__(self) -> None:
        super().__init__(8, 2)
        self.attention.value = Writing(8, 8)

    def forward(self, x):
        return super().forward(x) + torch.tanh(self.attention.value.last)


class InPlace(LinearLayer):
    """A block that writes to what it reads, and to what its parts return."""

    def forward(self, x):
        x += self.attention(x)
        y = self.feed_forward(x)
        y *= 2
        return x.add_(y)


@pytest.mark.parametrize("block", [Reading, lambda: InPlace(8, 2)])
def test_odd_blocks_have_the_right_numbers(block):
    torch.manual_seed(0)
    model = LinearModel()
    model.layers = nn.ModuleList(block() for _ in range(3))
    model = model.double().eval()
    for size in (1, 4):
        result = sweep(model, IDS, TARGET, batch_size=size)
        for place in range(3):
            change = number_without_head(model, place, 1) - result.before
            name = f"layers.{place}.attention"
            assert result.at(module=name, head=1) == pytest.approx(change, abs=1e-10)
