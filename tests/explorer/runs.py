"""The folder of a training run, whose checkpoints are small random models."""

from __future__ import annotations

import json
from pathlib import Path

from tests.translation.conftest import write_checkpoint

LOSSES = {0: 6.25, 8: 3.5}


def write_run(folder: Path, steps: tuple[int, ...] = (0, 4, 8), **changes) -> Path:
    """Write a run as training does; the development loss was measured at some steps."""
    for step in steps:
        model = write_checkpoint(folder / f"step-{step:08d}", seed=step, **changes)
        for name in ("config.json", "tokenizer.json"):
            (model / name).replace(folder / name)
    (folder / "settings.json").write_text("{}")
    rows = [{"kind": "train", "step": 4, "loss": 5.0}]
    rows += [{"kind": "development", "step": step, "loss": LOSSES[step]} for step in LOSSES]
    lines = [json.dumps(row) for row in rows]
    cut_short = '{"kind": "development", "st'
    (folder / "log.jsonl").write_text("\n".join([*lines, cut_short]))
    return folder
