"""The runs that a sweep needs, of a linear model."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.blocks import Blocks  # noqa: E402
from clearhead.sweeps.edited_runs import EditedRuns, Question, RunsWithoutEdges  # noqa: E402
from clearhead.sweeps.path_runs import PathRuns, Receiver  # noqa: E402
from clearhead.sweeps.planning import plan_runs  # noqa: E402
from clearhead.sweeps.runs import heads_of  # noqa: E402
from tests.attribution.models import linear_model  # noqa: E402
from tests.sweeps.test_request import IDS, request  # noqa: E402

FIRST, SECOND = "layers.0.attention", "layers.1.attention"


def planned(**changes: Any):
    model = linear_model()
    question = Question(model, IDS, Target(3), 1, Blocks(model, 1))
    with torch.no_grad():
        heads, _ = heads_of(model, IDS, question.blocks)
        source = IDS.flip(1) if changes.get("patches") else None
        runs, notes = plan_runs(question, request(**changes), heads, source)
    return runs, notes, heads


def test_each_kind_of_sweep_has_its_runs():
    edges, notes, _ = planned(over="edges", queries=2, modules=SECOND)
    assert isinstance(edges, RunsWithoutEdges)
    assert [unit.entry for unit in edges.plan.units] == [(0, 0, key) for key in range(3)]
    assert notes == []
    zeros, _, heads = planned()
    assert isinstance(zeros, EditedRuns)
    assert zeros.sizes == {FIRST: 2, SECOND: 2}
    assert not any(bool(x.any()) for x in zeros.values.values())
    means, _, _ = planned(edit="mean")
    torch.testing.assert_close(means.values[FIRST], heads[FIRST].mean((0, 2), keepdim=True))
    places, _, _ = planned(over="positions", positions=[4, 0])
    assert places.plan.axes == {"module": ("layers.0", "layers.1"), "position": ("4", "0")}


def test_senders_of_paths_run_before_the_receiver():
    to_value, _, _ = planned(patches=True, to=Receiver(SECOND, part="value"))
    assert isinstance(to_value, PathRuns)
    assert {unit.module for unit in to_value.plan.units} == {FIRST}
    to_input, _, _ = planned(
        patches=True, over="layers", modules=["*.attention", "*.feed_forward"], freeze=FIRST,
        to=Receiver("layers.1.feed_forward", part="input"),
    )  # fmt: skip
    senders = [unit.module for unit in to_input.plan.units]
    assert senders == [FIRST, "layers.0.feed_forward", SECOND]
    assert list(to_input.frozen) == [FIRST]
    with pytest.raises(ConfigError, match=r"modules= names 'layers.0', whose output is the resid"):
        planned(patches=True, over="layers", modules="layers.0", to="logits")
