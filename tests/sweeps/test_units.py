"""What a sweep goes over."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.units import (  # noqa: E402
    Unit,
    batches,
    matching,
    plan_edges,
    plan_heads,
    plan_layers,
    plan_positions,
)


def test_heads_of_modules_with_different_numbers_of_them():
    plan = plan_heads({"a": torch.zeros(1, 3, 5, 2), "b": torch.zeros(1, 2, 5, 2)})
    assert plan.axes == {"module": ("a", "b"), "head": ("0", "1", "2")}
    assert [unit.entry for unit in plan.units] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert plan.empty().shape == (2, 3)
    assert np.isnan(plan.empty()).all()


def test_layers_and_positions():
    outputs = {"a": torch.zeros(1, 4, 2), "b": torch.zeros(1, 2, 2)}
    assert plan_layers(outputs).units == [Unit("a", (0,)), Unit("b", (1,))]
    plan = plan_positions(outputs, slice(1, None))
    assert plan.axes["position"] == ("1", "2", "3")
    # The second module has no positions 2 and 3.
    assert [unit.entry for unit in plan.units] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert plan_positions(outputs, 3).places == ((3,),)
    assert plan_positions(outputs, [3, 0, 3]).places == ((3, 0),)
    for positions in (4, [-1], [], slice(9, 12)):
        with pytest.raises(ConfigError, match="positions are from 0 to 3 here"):
            plan_positions(outputs, positions)


def test_edges_are_those_that_are_visible():
    causal = np.tril(np.ones((3, 3), dtype=bool))
    plan = plan_edges({"a": causal}, [2, 0], None)
    assert [unit.entry for unit in plan.units] == [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0)]
    with pytest.raises(ConfigError, match="keys are from 0 to 2"):
        plan_edges({"a": causal}, None, 3)


def test_names_and_patterns():
    names = ["h.0.attn", "h.1.attn", "h.1.mlp"]
    assert matching(names, None, "modules") == names
    assert matching(names, "*.attn", "modules") == names[:2]
    assert matching(names, ["h.0.*", "*.mlp"], "modules") == ["h.0.attn", "h.1.mlp"]
    with pytest.raises(ConfigError, match=r"modules='x' is none of the modules that ran: 'h.0"):
        matching(names, "x", "modules")


@given(counts=st.lists(st.integers(1, 14), min_size=1, max_size=5), size=st.integers(1, 12))
def test_batches_hold_all_units_in_order(counts, size):
    units = [Unit(str(m), (m, h)) for m, count in enumerate(counts) for h in range(count)]
    parts = batches(units, size)
    assert [unit for part in parts for unit in part] == units
    assert all(1 <= len(part) <= size for part in parts)
    # No two batches that could be one.
    assert all(len(one) + len(two) > size / 2 for one, two in zip(parts, parts[1:], strict=False))


def test_a_batch_ends_with_its_module_if_it_is_half_full():
    units = [Unit(str(m), (m, h)) for m in range(2) for h in range(12)]
    assert [len(part) for part in batches(units, 8)] == [8, 4, 8, 4]
    assert [len(part) for part in batches(units[::6], 8)] == [4]
