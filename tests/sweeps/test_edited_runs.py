"""Runs with edits, and the metric of each copy."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.blocks import Blocks  # noqa: E402
from clearhead.sweeps.edited_runs import EditedRuns, Question  # noqa: E402
from clearhead.sweeps.rows import scale_of  # noqa: E402
from clearhead.sweeps.runs import heads_of  # noqa: E402
from clearhead.sweeps.sweep import sweep  # noqa: E402
from clearhead.sweeps.units import plan_heads  # noqa: E402
from tests.attribution.models import linear_model  # noqa: E402
from tests.sweeps.by_hand import ATTENTIONS, TARGET, double, inputs  # noqa: E402

IDS = torch.tensor([[3, 1, 4, 1, 5]])


def question_of(model: nn.Module, metric) -> tuple[Question, float, float]:
    question = Question(model, IDS, metric, 1, Blocks(model, 1))
    with torch.no_grad(), question.blocks.watch():
        output = model(IDS)
    return question, question.metric_of(output), scale_of(output)


def test_each_copy_has_its_own_edit():
    model = linear_model()
    question, before, _ = question_of(model, Target(3))
    with torch.no_grad():
        heads, _ = heads_of(model, IDS)
        plan = plan_heads(heads)
        own = {name: torch.zeros(()) for name in heads}
        runs = EditedRuns(question, plan, own, {name: x.shape[1] for name, x in heads.items()})
        # In place of itself a head changes nothing.
        same = EditedRuns(question, plan, heads, runs.sizes)
        assert same.run(plan.units) == pytest.approx([before] * 4, abs=1e-12)
        # What is done in one copy does not reach another.
        alone = [runs.run([unit])[0] for unit in plan.units]
        assert runs.run(plan.units[::-1]) == pytest.approx(alone[::-1], abs=1e-12)
    assert min(abs(number - before) for number in alone) > 1e-6


class MixesTexts(nn.Module):
    def forward(self, x):
        return x.float() + x.float().mean(0)


class PositionsFirst(nn.Module):
    def forward(self, x):
        return x.float().cumsum(0)


class OneText(nn.Module):
    def forward(self, x):
        return (x.float() @ torch.ones(len(x), len(x) + 4)[:, :1].expand(5, 5)).view(1, 5)


def test_texts_that_change_each_other_are_noticed():
    for model in (MixesTexts(), PositionsFirst()):
        question, before, scale = question_of(model, lambda output: output[-1].sum())
        with pytest.raises(ConfigError, match="or texts change each other"):
            question.try_beside(IDS.flip(1) + 5, before, scale)
    model = OneText()
    question, before, scale = question_of(model, lambda output: output.sum())
    with pytest.raises(ConfigError, match="cannot be run with several copies"):
        question.try_beside(IDS.flip(1), before, scale)
    question, before, scale = question_of(linear_model(), Target(3, 5))
    with torch.no_grad():
        question.try_beside(IDS.flip(1), before, scale)
        assert question.measure(3) == pytest.approx(before, abs=1e-12)


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_edges_run_side_by_side(family, attention):
    model, named = double(family, attention), inputs(family, batch=2)
    calls = []
    with model.register_forward_pre_hook(lambda *_: calls.append(1)):
        numbers = []
        for size in (1, 5):
            calls.clear()
            result = sweep(
                model, named, TARGET, over="edges", queries=[4, 2], keys=slice(0, 4),
                modules=ATTENTIONS[family].format(0), batch_size=size,
            )  # fmt: skip
            numbers.append(result.values)
            edges = int(np.isfinite(result.values).sum())
            other_runs = len(calls) - -(-edges // size)
            assert 3 <= other_runs <= 8  # the plain one, which edges there are, short cuts, texts
    np.testing.assert_allclose(*numbers, atol=1e-10)
    assert np.nanmax(np.abs(numbers[0])) > 1e-6
