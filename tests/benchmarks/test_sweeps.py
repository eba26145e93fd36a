"""The benchmark of sweeps runs, and both ways give the same numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks import sweeps  # noqa: E402
from benchmarks.attribution import decoder  # noqa: E402


def test_it_runs_and_judges(capsys):
    sweeps.main(["--quick", "--json", "--threads", "1"])
    result = json.loads(capsys.readouterr().out)
    row, edges = result["rows"]
    assert edges["edges"] == 2 * 8
    assert edges["apart"] < 1e-5
    calls = edges["calls"]
    assert calls["one by one"] >= 16
    # Three batches of six, the plain run, which edges there are, and trying short cuts.
    assert calls["side by side"] <= 9
    assert row["ablations"] == 8
    assert row["apart"] < 1e-5
    assert f"{row['loop'] / row['sweep']:.2f} times faster" in result["verdicts"][0]


def test_a_part_of_the_heads():
    model = decoder(2, 32, 4, 64)
    ids = torch.randint(64, (1, 9))
    model.set_attn_implementation("eager")
    loop = sweeps.plain_loop(model, ids, 3)
    assert loop.shape == (2, 3)
    model.set_attn_implementation("sdpa")
    np.testing.assert_allclose(sweeps.sweep(model, ids, 3, 2), loop, atol=1e-5)
