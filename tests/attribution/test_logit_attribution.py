"""A logit is the sum of what the parts of the model add to it, whatever the model."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from clearhead.attribution.logit_attribution import attribute_logit  # noqa: E402
from clearhead.attribution.target import Target, logits_of  # noqa: E402
from clearhead.errors import ConfigError, ShapeError  # noqa: E402
from clearhead.lens import attribute_logit as attribute_reference_logit  # noqa: E402
from tests.attribution.models import TorchDecoder, double, inputs, linear_model, own_pair  # noqa: E402
from tests.maps.families.models import model  # noqa: E402

CASES = ("gpt2", "llama", "mistral", "gemma3", "gpt_oss", "t5", "marian", "bart")


@pytest.mark.parametrize("family", CASES)
def test_the_sum_closes_and_the_model_is_as_before(family):
    ids = inputs(family)
    with torch.no_grad():
        before = logits_of(model(family)(**ids))
        sums = attribute_logit(model(family), ids, Target(9, 12, -2), row=1)
        after = logits_of(model(family)(**ids))
    assert torch.equal(before, after)
    assert sums.logit == pytest.approx(float(before[1, -2, 9] - before[1, -2, 12]), abs=1e-6)
    assert sums.error < 1e-5
    heads = [summand for summand in sums.summands if summand.kind == "head"]
    attentions = 2 if family in ("t5", "marian", "bart") else 1
    assert len(heads) == 2 * attentions * 4
    assert not sums.notes
    assert sum(sums.by_layer().values()) == pytest.approx(sums.total, abs=1e-9)


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_in_double_precision_the_tokens_of_a_head_sum_to_the_head(family):
    sums = attribute_logit(double(family), inputs(family), Target(9, position=-2), row=1)
    assert sums.error < 1e-9
    heads = sums.heads()
    assert heads.values.shape == (len(heads.axes["module"]), 4)
    for module in heads.axes["module"]:
        shares = sums.sources(module)
        np.testing.assert_allclose(shares.sum_over("token"), heads.at(module=module), atol=1e-9)


@pytest.mark.gpu
@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_a_device_gives_the_same(family):
    ids = inputs(family)
    truth = attribute_logit(model(family), ids, Target(9, 12))
    device = copy.deepcopy(model(family)).cuda()
    sums = attribute_logit(device, {name: x.cuda() for name, x in ids.items()}, Target(9, 12))
    assert sums.error < 1e-4
    np.testing.assert_allclose(sums.heads().values, truth.heads().values, atol=1e-4)


def test_a_soft_cap_is_undone():
    gemma = double("gemma2")  # whose norms compute in float32 all the same
    ids = inputs("gemma2")
    sums = attribute_logit(gemma, ids, Target(9))
    cap = gemma.config.final_logit_softcapping
    with torch.no_grad():
        capped = float(gemma(**ids).logits[0, -1, 9])
    assert sums.logit == pytest.approx(cap * np.arctanh(capped / cap), rel=1e-9)
    assert sums.error < 1e-5


@pytest.mark.parametrize(
    "changes", [{}, {"norm_place": "after"}, {"encoder_layers": 0}, {"decoder_layers": 0}]
)
def test_our_models_have_the_summands_of_the_reference(changes):
    layers, reference, ids = own_pair(**changes)
    arrays = {name: x.numpy() for name, x in ids.items()}
    truth = attribute_reference_logit(reference, **arrays, token=3, position=-2, row=1)
    sums = attribute_logit(layers, ids, Target(3, position=-2), row=1)
    assert sums.logit == pytest.approx(truth.logit, abs=1e-9)
    for kind in ("head", "feed_forward", "embedding", "bias"):
        own, other = (
            sorted(s.value for s in each.summands if s.kind == kind) for each in (sums, truth)
        )
        np.testing.assert_allclose(own, other, atol=1e-9, err_msg=kind)
    named = {(s.path, s.head): s.value for s in sums.summands}
    for summand in truth.summands:
        if summand.kind in ("head", "feed_forward"):
            assert named[summand.path, summand.head] == pytest.approx(summand.value, abs=1e-9)


@pytest.mark.parametrize("norm_first", [True, False])
def test_pytorchs_own_layers_have_positions_before_rows(norm_first):
    torch.manual_seed(0)
    decoder = TorchDecoder(norm_first=norm_first).double().eval()
    sums = attribute_logit(
        decoder, torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6]]), Target(5, 7, 2), row=1
    )
    assert sums.error < 1e-9
    assert sums.heads().axes["module"] == ("stack.layers.0.self_attn", "stack.layers.1.self_attn")
    assert not sums.notes


def test_a_difference_is_that_of_two_attributions():
    linear = linear_model()
    ids = torch.tensor([[3, 1, 4, 1]])
    both = attribute_logit(linear, ids, Target(5, 7))
    parts = [attribute_logit(linear, ids, Target(token)) for token in (5, 7)]
    difference = parts[0].heads().values - parts[1].heads().values
    np.testing.assert_allclose(both.heads().values, difference, atol=1e-12)
    assert both.total == pytest.approx(parts[0].total - parts[1].total)


def test_the_likeliest_token_is_meant_where_none_is_named():
    linear = linear_model()
    ids = torch.tensor([[3, 1, 4, 1]])
    sums = attribute_logit(linear, ids)
    assert sums.answer == int(linear(ids)[0, -1].argmax())
    assert sums.position == 3
    assert str(sums).startswith(f"Logit of token {sums.answer} after position 3: ")


def test_what_it_shows():
    sums = attribute_logit(linear_model(), torch.tensor([[3, 1, 4, 1]]), Target(5))
    table = sums.to_dataframe()
    assert list(table.columns) == ["path", "kind", "layer", "head", "value"]
    assert table["value"].sum() == pytest.approx(sums.logit)
    picture = sums.plot(title="heads")
    assert picture.get_axes()
    shares = sums.sources("layers.0.attention", ["a", "b", "c", "d"])
    assert shares.axes["token"] == ("0 a", "1 b", "2 c", "3 d")
    with pytest.raises(ConfigError, match="reads 4 tokens; 1 names came"):
        sums.sources("layers.0.attention", ["a"])
    with pytest.raises(ConfigError, match="no heads that could be separated; there are"):
        sums.sources("layers.0")


class Gated(nn.Module):
    """A linear model whose first attention multiplies its heads with a gate."""

    def __init__(self):
        super().__init__()
        self.inner = linear_model()
        attention = self.inner.layers[0].attention
        attention.output = nn.Sequential(nn.Tanh(), attention.output)

    def forward(self, input_ids):
        return self.inner(input_ids)


def test_heads_that_do_not_lie_apart_stay_together_and_say_why():
    sums = attribute_logit(Gated().eval(), torch.tensor([[3, 1, 4, 1]]), Target(5))
    whole = [s for s in sums.summands if s.kind == "attention"]
    assert [s.path for s in whole] == ["inner.layers.0.attention"]
    assert sums.error < 1e-12
    assert "inner.layers.0.attention: its heads are not told apart" in sums.notes[0]
    assert sums.heads().axes["module"] == ("inner.layers.1.attention",)


class Twisted(nn.Module):
    """A model with an activation between its stream and its logits."""

    def __init__(self):
        super().__init__()
        self.inner = linear_model()
        self.inner.unembed = nn.Sequential(nn.GELU(), self.inner.unembed)

    def forward(self, input_ids):
        return self.inner(input_ids)


def test_what_is_no_sum_is_refused():
    ids = torch.tensor([[3, 1, 4, 1]])
    with pytest.raises(ConfigError, match="so a logit is no sum of what its layers add"):
        attribute_logit(Twisted().eval(), ids, Target(5))


def test_what_cannot_be_attributed_is_refused():
    linear = linear_model()
    ids = torch.tensor([[3, 1, 4, 1]])
    with pytest.raises(ConfigError, match=r"call model.eval\(\) first"):
        attribute_logit(copy.deepcopy(linear).train(), ids, Target(5))
    with pytest.raises(ConfigError, match="compared with itself"):
        attribute_logit(linear, ids, Target(5, 5))
    with pytest.raises(ShapeError, match="token must be from -16 to 15 here; it is 16"):
        attribute_logit(linear, ids, Target(16))
    with pytest.raises(ShapeError, match="row must be from -1 to 0 here; it is 1"):
        attribute_logit(linear, ids, Target(5), row=1)
    with pytest.raises(ConfigError, match="has no logits"):
        attribute_logit(Hidden(linear), ids, Target(5))


class Hidden(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner.eval()
        self.training = False

    def forward(self, input_ids):
        return {"last_hidden_state": self.inner.embed(input_ids)}
