"""Heads by attribution patching: exact on a linear model, parts of the node, in three passes."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from clearhead.attribution.patching.heads import attribute_heads, on_heads  # noqa: E402
from clearhead.attribution.patching.nodes import attribute_nodes  # noqa: E402
from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.interventions.intervene import intervene  # noqa: E402
from tests.attribution.models import TARGET, double, inputs, linear_model  # noqa: E402
from tests.maps.families.models import model as family_model  # noqa: E402

CLEAN, CORRUPTED = torch.tensor([[3, 1, 4, 1]]), torch.tensor([[3, 9, 4, 2]])


def test_on_a_linear_model_it_is_patching_itself():
    model, target = linear_model(), Target(5, 7)
    scores = attribute_heads(model, CLEAN, CORRUPTED, target)
    with torch.no_grad(), on_heads(model) as parts:
        model(CLEAN)
    frozen = attribute_heads(linear_model().requires_grad_(False), CLEAN, CORRUPTED, target)
    np.testing.assert_allclose(frozen.values, scores.values, atol=1e-12)
    base = float(target(model(CORRUPTED)).detach())
    for module in scores.axes["module"]:
        z = parts["heads"][module].values[0]
        for head in range(2):
            with torch.no_grad(), intervene(model) as edits:
                edits[module].head(head).set(z[:, head : head + 1])
                patched = float(target(model(CORRUPTED)))
            # The sign: positive where the clean run's head raises the metric.
            assert scores.at(module=module, head=head) == pytest.approx(patched - base, abs=1e-12)


@pytest.mark.parametrize("family", ["gpt2", "llama", "marian"])
@pytest.mark.parametrize("at", ["clean", "corrupted"])
def test_heads_sum_to_their_attention(family, at):
    model = double(family)
    pair = inputs(family), inputs(family, seed=9)
    heads = attribute_heads(model, *pair, TARGET, at=at, by_position=True)
    nodes = attribute_nodes(model, *pair, TARGET, at=at)
    shared = [name for name in heads.axes["module"] if name in nodes.axes["node"]]
    assert len(shared) >= 2
    for name in shared:
        sums = np.nansum(heads.at(module=name), axis=0)[: nodes.values.shape[1]]
        np.testing.assert_allclose(sums, nodes.at(node=name), atol=1e-9)
    both = attribute_heads(model, *pair, TARGET, at=at)
    np.testing.assert_allclose(both.values, np.nansum(heads.values, -1), atol=1e-12)


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_the_fused_kernel_gives_eager_gradients(family):
    model = family_model(family)
    pair = inputs(family), inputs(family, seed=9)
    before = model.config._attn_implementation
    results = []
    for implementation in ("sdpa", "eager"):
        model.set_attn_implementation(implementation)
        results.append(attribute_heads(model, *pair, TARGET).values)
    model.set_attn_implementation(before)
    np.testing.assert_allclose(*results, atol=1e-5)


class Counting(nn.Module):
    """Counts the passes of a model, forward and backward."""

    def __init__(self):
        super().__init__()
        self.inner = linear_model()
        self.forwards, self.backwards = 0, 0

    def forward(self, input_ids):
        self.forwards += 1
        logits = self.inner(input_ids)
        if logits.requires_grad:
            logits.register_hook(self.count)
        return logits

    def count(self, gradient):
        self.backwards += 1


def test_two_forward_passes_and_one_backward():
    model = Counting().eval()
    scores = attribute_heads(model, CLEAN, CORRUPTED, Target(5))
    assert (model.forwards, model.backwards) == (2, 1)
    assert scores.axes["module"] == ("inner.layers.0.attention", "inner.layers.1.attention")
    assert scores.names == ("module", "head")
    assert not any(module._forward_hooks for module in model.modules())


def test_a_model_without_heads():
    model = linear_model()
    model.layers = nn.ModuleList()
    with pytest.raises(ConfigError, match="attended in no module"):
        attribute_heads(model, CLEAN, CORRUPTED, Target(5))
