"""A sweep's numbers, by name."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from clearhead.errors import ConfigError
from clearhead.sweeps.result import Sweep

AXES = {"module": ("h.0.attn", "h.1.attn"), "head": ("0", "1", "2")}
VALUES = np.array([[1.0, -2.0, 0.5], [0.0, 4.0, np.nan]])


def patched() -> Sweep:
    return Sweep("effect of patching", VALUES.copy(), AXES, ("a note",), before=1.0, target=5.0)


def test_metrics_and_shares():
    result = patched()
    np.testing.assert_array_equal(result.metrics.values, VALUES + 1.0)
    np.testing.assert_array_equal(result.relative.values, VALUES / 4.0)
    assert result.relative.measure == "share of the way"
    assert result.relative.notes == ("a note",)
    assert not result.is_partition
    assert result.largest(1) == [(("h.1.attn", "1"), 4.0)]


def test_shares_need_two_runs_that_differ():
    one = Sweep("effect of setting to 0", VALUES, AXES, before=1.0)
    with pytest.raises(ConfigError, match="needs two runs; this sweep edited one"):
        _ = one.relative
    same = Sweep("effect of patching", VALUES, AXES, before=1.0, target=1.0)
    with pytest.raises(ConfigError, match="Both runs have the metric 1, so there is no way"):
        _ = same.relative


def test_it_is_printed_with_both_runs():
    lines = str(patched()).split("\n")
    assert lines[0] == "effect of patching (2 module, 3 head)"
    assert lines[1] == "before: +1.000000; patched from a run with +5.000000"
    assert lines[2].split() == ["+4.000000", "h.1.attn", "1"]
    assert lines[-1] == "note: a note"


def test_tables_and_pictures(tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    table = patched().to_dataframe()
    assert list(table.columns) == ["module", "head", "value"]
    assert len(table) == 5
    patched().relative.plot(save=tmp_path / "shares.png")
    assert (tmp_path / "shares.png").stat().st_size > 1000
