"""What tokens do to a metric: exact on a linear model, complete on others."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.attribution.inputs import attribute_inputs  # noqa: E402
from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError, ShapeError  # noqa: E402
from tests.attribution.models import TARGET, double, inputs, linear_model  # noqa: E402
from tests.maps.families.models import model as family_model  # noqa: E402

IDS = torch.tensor([[3, 1, 4, 1]])


def test_on_a_linear_model_one_step_is_exact():
    model, target = linear_model(), Target(5, 7)
    shares = attribute_inputs(model, IDS, target, steps=1)
    assert shares.completeness_error < 1e-12
    product = attribute_inputs(model, IDS, target, method="input_x_gradient")
    np.testing.assert_allclose(product["input_ids"].values, shares["input_ids"].values, atol=1e-12)
    assert np.isnan(product.completeness_error)
    # A token's share is what its embedding does: taken away alone, the metric falls by it.
    vectors = model.embed(IDS).detach()
    for position in range(4):
        without = vectors.clone()
        without[:, position] = 0
        x = without
        for layer in model.layers:
            x = layer(x)
        drop = float((target(model(IDS)) - target(model.unembed(x))).detach())
        assert shares["input_ids"].values[0, position] == pytest.approx(drop, abs=1e-12)


@pytest.mark.parametrize("family", ["gpt2", "marian"])
def test_integrated_gradients_are_complete_and_more_steps_are_closer(family):
    model, ids = double(family), inputs(family)
    few, many = (attribute_inputs(model, ids, TARGET, steps=steps) for steps in (2, 24))
    assert many.completeness_error < 1e-6 < few.completeness_error
    assert set(many.shares) == set(ids)
    assert many.total == pytest.approx(many.metric - many.baseline, abs=1e-6)


def test_a_baseline_of_other_tokens():
    model, ids, other = double("marian"), inputs("marian"), inputs("marian", seed=9)
    other["decoder_input_ids"] = ids["decoder_input_ids"]
    shares = attribute_inputs(model, ids, TARGET, baseline=other)
    with torch.no_grad():
        assert shares.baseline == pytest.approx(float(TARGET(model(**other))), abs=1e-9)
    assert not shares["decoder_input_ids"].values.any()
    table = shares.to_dataframe()
    assert list(table.columns) == ["input", "row", "position", "value"]
    assert table["value"].sum() == pytest.approx(shares.total)
    assert shares.completeness_error < 1e-5


def test_gradients_are_those_of_eager_attention():
    model, ids = family_model("gpt2"), inputs("gpt2")
    before = model.config._attn_implementation
    results = []
    for implementation in ("sdpa", "eager"):
        model.set_attn_implementation(implementation)
        results.append(attribute_inputs(model, ids, TARGET, method="input_x_gradient"))
    model.set_attn_implementation(before)
    fused, eager = (result["input_ids"].values for result in results)
    np.testing.assert_allclose(fused, eager, atol=1e-5)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_function_as_the_metric_and_frozen_weights():
    model = linear_model().requires_grad_(False)
    shares = attribute_inputs(model, IDS, lambda logits: logits[0, -1, :3].sum(), steps=1)
    assert shares.metric == pytest.approx(float(model(IDS)[0, -1, :3].sum()))
    assert shares.completeness_error < 1e-12


def test_what_is_refused():
    model = linear_model()
    with pytest.raises(ConfigError, match="'input_x_gradient' or 'integrated_gradients'; got 'l"):
        attribute_inputs(model, IDS, Target(5), method="lrp")
    with pytest.raises(ConfigError, match="at least one step; got 0"):
        attribute_inputs(model, IDS, Target(5), steps=0)
    with pytest.raises(ConfigError, match="does not depend on the model's numbers"):
        attribute_inputs(model, IDS, lambda logits: logits.detach().sum())
    with pytest.raises(ShapeError, match=r"shapes \[\(1, 4, 8\)\], those of the baseline"):
        attribute_inputs(model, IDS, Target(5), baseline=IDS[:, :2])
    with pytest.raises(ConfigError, match="no shares of 'ids'; there are those of input_ids"):
        attribute_inputs(model, IDS, Target(5), steps=1)["ids"]
