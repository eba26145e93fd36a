"""The block: what it edits, what it leaves behind, and what it refuses."""

from __future__ import annotations

import copy
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from clearhead.errors import ConfigError
from clearhead.interventions.intervene import intervene
from clearhead.maps.recorder.record import record

HEADS, WIDTH = 4, 8


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.num_heads = HEADS
        self.qkv = nn.Linear(32, 96)
        self.out = nn.Linear(32, 32)

    def forward(self, x):
        q, k, v = (
            t.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention()
        self.feed = nn.Linear(32, 32)

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.feed(x), "something else"


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Block(), Block()])
        self.again = False

    def forward(self, x):
        for layer in self.layers:
            x = (checkpoint(layer, x, use_reentrant=False) if self.again else layer(x))[0]
        return x


NAME = "layers.1.attention"


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model().double()


@pytest.fixture
def x():
    return torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(1)).double()


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def edited(model, x, ask):
    """The output of a model with edits."""
    with intervene(model) as edits:
        ask(edits)
        return model(x)


def without_head(model, x, head):
    """The model by hand, without a head of its second layer."""
    out = model.layers[1].attention.out
    factor = torch.ones(32).double()
    factor[head * WIDTH : (head + 1) * WIDTH] = 0
    handle = out.register_forward_pre_hook(
        lambda module, args: (args[0] * factor.to(args[0].dtype),)
    )
    try:
        return model(x)
    finally:
        handle.remove()


def test_a_block_without_edits_adds_nothing(model, x):
    plain = model(x)
    with intervene(model) as edits:
        assert hooks(model) == 0
        assert torch.equal(model(x), plain)
        edits[NAME].head(1)
        assert hooks(model) == 0


def test_hooks_are_on_what_is_edited_and_around_it_and_then_gone(model, x):
    plain = model(x)
    with intervene(model) as edits:
        edits[NAME].head(1).zero()
        assert hooks(model) == 2 * 4  # the attention, its block, the list and the model
        assert not model.layers[0].attention._forward_hooks
        assert torch.equal(model(x), without_head(model, x, 1))
    assert hooks(model) == 0
    assert torch.equal(model(x), plain)


def test_an_error_in_the_model_or_in_an_edit_leaves_nothing_behind(model, x):
    def fail(_):
        raise KeyError("on purpose")

    plain = model(x)
    with pytest.raises(KeyError, match="on purpose"):
        edited(model, x, lambda edits: edits[NAME].head(1).value.apply(fail))
    assert hooks(model) == 0
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        edited(model, x[..., :5], lambda edits: edits[NAME].head(1).zero())
    assert hooks(model) == 0
    assert torch.equal(model(x), plain)
    assert torch.overrides._get_current_function_mode() is None


def test_an_error_within_the_block_does_not_end_it(model, x):
    with intervene(model) as edits:
        edits[NAME].head(1).zero()
        with pytest.raises(RuntimeError):
            model(x[..., :5])
        assert torch.equal(model(x), without_head(model, x, 1))


def test_inner_blocks_edit_on_top_of_outer_ones(model, x):
    with intervene(model) as outer:
        outer[NAME].head(0).output.set(2.0)
        outer["layers.0"].output.scale(2.0)
        with intervene(model) as inner:
            inner[NAME].head(0).output.apply(lambda y: y * 3.0)
            inner["layers.0"].output.apply(lambda y: y + 1.0)
            both = model(x)
        one = model(x)
    with intervene(model) as edits:
        edits[NAME].head(0).output.set(6.0)
        edits["layers.0"].output.apply(lambda y: 2.0 * y + 1.0)
        assert torch.equal(model(x), both)
    with intervene(model) as edits:
        edits[NAME].head(0).set(2.0)
        edits["layers.0"].output.scale(2.0)
        assert torch.equal(model(x), one)


def test_the_output_of_a_module(model, x):
    with intervene(model) as edits:
        edits["layers.0"].output.at([2, 5]).zero()
        edits["layers.?.feed"].output.scale(2.0)
        output = model(x)
    y = x
    for place, layer in enumerate(model.layers):
        y = y + layer.attention(y)
        y = y + 2.0 * layer.feed(y)
        if place == 0:
            y = torch.stack([0.0 * y[:, i] if i in (2, 5) else y[:, i] for i in range(9)], 1)
    torch.testing.assert_close(output, y)


def test_attentions_by_number(model, x):
    with intervene(model) as edits:
        edits[1].head(2).zero()
        assert torch.equal(model(x), without_head(model, x, 2))
    with pytest.raises(ConfigError, match=r"edits\[2\].head\(0\).zero\(\) had no effect"):
        edited(model, x, lambda edits: edits[2].head(0).zero())
    with pytest.raises(ConfigError, match="cannot be edited by number"):
        edited(model, x, lambda edits: edits[1].output.zero())
    with pytest.raises(ConfigError, match="none can be counted from the end; got -1"):
        edited(model, x, lambda edits: edits[-1])


def test_gradients_flow_through_what_a_function_returns(model, x):
    seen = []
    with intervene(model) as edits:
        edits[NAME].head(1).output.apply(lambda y: (seen.append(y), y)[1])
        loss = model(x).square().sum()
    (gradient,) = torch.autograd.grad(loss, seen)

    # A small step along a number of the head, by hand.
    def step(size):
        change = torch.zeros(1, 1, 9, WIDTH).double()
        change[0, 0, 4, 3] = size
        with intervene(model) as edits:
            edits[NAME].head(1).output.apply(lambda y: y + change)
            return float(model(x).detach().square().sum())

    numeric = (step(1e-5) - step(-1e-5)) / 2e-5
    assert numeric == pytest.approx(float(gradient[:, 0, 4, 3].sum()), rel=1e-6)


def test_autocast(model, x):
    model, x = model.float(), x.float()
    with torch.autocast("cpu", dtype=torch.bfloat16), intervene(model) as edits:
        edits[NAME].head(1).set(torch.zeros(WIDTH))
        edits[NAME].edge(5, 3).remove()
        output = model(x)
    with torch.autocast("cpu", dtype=torch.bfloat16), intervene(model) as edits:
        edits[NAME].edge(5, 3).remove()
        torch.testing.assert_close(output, without_head(model, x, 1), atol=0.05, rtol=0.05)


def test_other_threads_are_not_edited(model, x):
    plain, outputs = model(x), []
    with intervene(model) as edits:
        edits[NAME].head(1).zero()
        edits["layers.0"].output.zero()
        thread = threading.Thread(target=lambda: outputs.append(model(x)))
        thread.start()
        thread.join()
        assert not torch.equal(model(x), plain)
    assert torch.equal(outputs[0], plain)


def test_copies_are_refused_or_not_edited(model, x):
    plain = model(x)
    with intervene(model) as edits:
        edits["layers.0"].output.zero()
        assert torch.equal(copy.deepcopy(model)(x), plain)
        replica = model._replicate_for_data_parallel()
        replica.layers = model.layers._replicate_for_data_parallel()
        replica.layers._modules = {"0": model.layers[0]._replicate_for_data_parallel()}
        with pytest.raises(ConfigError, match=r"as torch.nn.DataParallel does"):
            replica.layers[0](x)


def test_a_recording_shows_the_edited_model(model, x):
    with intervene(model) as edits, record(model, values=True) as recording:
        edits[NAME].edge([3, 4], 2).remove()
        output = model(x)
    with record(model) as plain:
        model(x)
    assert torch.equal(recording[0].dense(), plain[0].dense())
    weights = recording[NAME].dense()
    assert float(weights[:, :, 3:5, 2].abs().max()) == 0
    truth = plain[NAME].dense()
    truth[:, :, 3:5, 2] = 0
    torch.testing.assert_close(weights, truth / truth.sum(-1, keepdim=True))
    assert output.shape == x.shape


def test_a_compiled_model_runs_as_it_was_written(model, x):
    compiled = torch.compile(model, backend="eager")
    with intervene(compiled) as edits:
        edits["_orig_mod." + NAME].head(1).zero()
        assert torch.equal(compiled(x), without_head(model, x, 1))


class Linear(nn.Module):
    """An attention without a softmax."""

    def forward(self, x):
        q, k, v = x
        return q.relu() @ (k.relu().mT @ v)


REFUSED = [
    (lambda e: e["layers.1"].head(1).zero(), r"that of 'layers.1.attention', which is a module of"),
    (lambda e: e["layers.1.feed"].head(1).zero(), "no attention that can be edited exactly"),
    (lambda e: e[NAME].head(4).edge(1, 0).remove(), "asks for head 4, and 'layers.1.att.* 4 heads"),
    (lambda e: e[NAME].head(1).at(30).zero(), "had no effect: the model ran, and the module"),
    (lambda e: e[NAME].edge(3, 20).remove(), "had no effect"),
    (lambda e: e["layers.1.atention"], r"no module 'layers.1.atention'. Did you mean 'layers.1."),
]


@pytest.mark.parametrize(("ask", "words"), REFUSED)
def test_what_cannot_be_edited_is_refused(model, x, ask, words):
    with pytest.raises(ConfigError, match=words):
        edited(model, x, ask)
    assert hooks(model) == 0


def test_an_edit_that_the_model_did_not_run_with_is_no_error(model, x):
    with intervene(model) as edits:
        edits[NAME].head(1).zero()
        model(x)
        edits[NAME].head(2).zero()


def test_gradient_checkpointing_is_refused(model, x):
    model.again = True
    with pytest.raises(ConfigError, match="runs under gradient checkpointing"):
        edited(model, x, lambda edits: edits[NAME].head(1).zero())


def test_without_a_head_an_edit_is_of_all_heads(model, x):
    with intervene(model) as edits:
        edits[NAME].at(slice(2, None)).scale(3.0)
        edits[NAME].value.at(1).zero()
        edits[NAME].edge(5, 3).remove()
        output = model(x)
    with intervene(model) as edits:
        for head in range(HEADS):
            edits[NAME].head(head).at(slice(2, None)).scale(3.0)
            edits[NAME].head(head).value.at(1).zero()
            edits[NAME].head(head).edge(5, 3).remove()
        torch.testing.assert_close(model(x), output)
    with pytest.raises(
        ConfigError,
        match=r"edits\['layers.0'\].zero\(\) was not applied: .* name that. "
        r"What the module returns is edits\['layers.0'\].output.",
    ):
        edited(model, x, lambda edits: edits["layers.0"].zero())


def test_attention_without_a_softmax_is_refused():
    x = torch.randn(3, 2, 4, 5, 8)
    with pytest.raises(ConfigError, match="no attention that can be edited exactly"):
        edited(Linear(), x, lambda edits: edits[""].zero())


def test_what_is_no_module_is_refused():
    with pytest.raises(ConfigError, match=r"a torch.nn.Module, or a model of clearhead .* got str"):
        edited("model", None, lambda edits: None)
