"""bfloat16 or float32: measured, told, and kept when a run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clearhead.config import TransformerConfig
from clearhead.training import precision
from clearhead.training.checkpoint import states
from clearhead.training.loop import Trainer
from clearhead.training.precision import Measurement, measure
from clearhead.training.run_folder.progress import read_progress
from clearhead.training.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_faster_is_chosen_and_float32_where_they_are_close() -> None:
    assert Measurement(float32=2.0, bfloat16=1.0).faster == "bfloat16"
    assert Measurement(float32=2.0, bfloat16=1.0).ratio == 2.0
    assert Measurement(float32=1.05, bfloat16=1.0).faster == "float32"
    assert Measurement(float32=1.0, bfloat16=20.0).faster == "float32"


def test_both_types_are_measured() -> None:
    measurement = measure(TransformerConfig(vocab_size=300, d_model=16, num_heads=2), "cpu")
    assert 0 < measurement.float32 < 60
    assert 0 < measurement.bfloat16 < 60


EMULATED = """
from clearhead.config import TransformerConfig
from clearhead.training.precision import measure
print(measure(TransformerConfig(vocab_size=1000), "cpu").faster)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="oneDNN's limits are those of x86")
def test_where_bfloat16_is_emulated_float32_is_chosen() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "ONEDNN_MAX_CPU_ISA": "AVX2"}
    calls = subprocess.run(
        [sys.executable, "-c", EMULATED], env=environment, capture_output=True, text=True
    )
    assert calls.stdout == "float32\n", calls.stderr


def test_a_run_keeps_what_it_was_begun_with(
    table: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table["training"] |= {"precision": "auto", "max_steps": 4}
    monkeypatch.setattr(precision, "measure", lambda *_: Measurement(2.0, 1.0))
    Trainer(Settings.from_dict(table), tmp_path / "run").train()
    assert "precision: bfloat16 (bfloat16 measured 2 times as fast" in capsys.readouterr().err
    assert read_progress(states(tmp_path / "run")[-1]).precision == "bfloat16"
    # On a machine where the other one is faster.
    monkeypatch.setattr(precision, "measure", lambda *_: Measurement(1.0, 4.0))
    table["training"]["max_steps"] = 6
    times = Trainer(Settings.from_dict(table), tmp_path / "run")
    assert times.precision == "bfloat16"
    assert (
        "precision: bfloat16, as the run was begun (bfloat16 measured 0.25 times as fast as "
        "float32 here, so that a new run would take float32)" in capsys.readouterr().err
    )
    folder = times.train()
    origin = json.loads((folder / "config.json").read_text())["provenance"]
    assert origin["precision"] == "bfloat16"
