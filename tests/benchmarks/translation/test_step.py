from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from benchmarks.translation import step
from benchmarks.translation.__main__ import model_config
from benchmarks.translation.systems import random_weights
from clearhead.engine.reference_engine import ReferenceEngine

CONFIG = model_config(True, 2)


def test_it_runs_and_keeps_what_it_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    step.main(["--quick", "--json", "--output", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "translation_step.json").read_text()) == result
    (table,) = result["tables"]
    assert [row[0] for row in table["rows"]] == [
        step.LAYERS, step.ALONE, step.OUTPUT, step.SUMS, step.SEARCH, "one step"
    ]  # fmt: skip


def test_ceilings_of_several_threads_are_refused(capsys, monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with pytest.raises(SystemExit):
        step.main(["--quick"])
    assert "set OPENBLAS_NUM_THREADS=1" in capsys.readouterr().err


def test_the_floor_is_the_larger_of_arithmetic_and_reading():
    # Of a whole search of 20 steps; of one layer's products once.
    us = {"all": 2000.0, step.ENCODER: 0.0, step.LAYERS: 800.0, step.ALONE: 30.0}
    us |= {step.OUTPUT: 400.0, step.SUMS: 200.0}
    # 300 words by 16 numbers: 0.0048 million multiply-adds a row, 0.0192 MB.
    limits = {"product": 0.001, "reading": 0.002}
    rows = {n: {row[0]: row for row in step.step_rows(CONFIG, n, us, limits)} for n in (1, 4)}
    assert rows[1][step.OUTPUT][5] == "10"
    assert rows[4][step.OUTPUT][5] == "19"
    assert rows[1][step.SEARCH][1:3] == ["30", "30%"]
    assert rows[1]["one step"][1] == "100"


def test_the_parts_of_a_search_are_less_than_the_whole():
    engine = ReferenceEngine.build(CONFIG, random_weights(CONFIG))
    us = step.one_search(engine, 1, 2)
    assert 0 < sum(value for name, value in us.items() if name != "all") < us["all"]


def test_every_weight_of_a_decoder_layer_is_counted_once():
    layer = ReferenceEngine.build(CONFIG, random_weights(CONFIG)).model.weights
    matrices = [
        array.size
        for name, array in layer.items()
        if name.startswith("decoder.layers.0.") and array.ndim == 2
    ]
    # The keys and values of the source are no part of a step.
    left_out = 2 * CONFIG.d_model**2
    assert sum(out * inner for out, inner in step.shapes(CONFIG)) == sum(matrices) - left_out


# In a process of its own: here the checks of shapes in signatures call functions, too.
COUNT_CALLS = """
from benchmarks.translation import step
from benchmarks.translation.__main__ import model_config
from benchmarks.translation.systems import random_weights
from clearhead.engine.reference_engine import ReferenceEngine

config = model_config(True, 2)
engine = ReferenceEngine.build(config, random_weights(config))
print(step.python_calls(engine, lean=True), step.python_calls(engine, lean=False))
"""


def test_the_step_calls_fewer_functions_than_the_layers():
    run = subprocess.run(
        [sys.executable, "-c", COUNT_CALLS], capture_output=True, text=True, check=True
    )
    lean, layers = map(int, run.stdout.split())
    assert lean < layers / 2


def test_the_quickest_call_counts():
    naps = iter([0.02, 0.0, 0.02])
    assert 0 < step.quickest(lambda: time.sleep(next(naps)), 3) < 20_000
