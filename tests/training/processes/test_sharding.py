"""A model that is divided among two real processes learns what a whole one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from clearhead.errors import ConfigError
from clearhead.training.loop import Trainer
from clearhead.training.processes.sharding import divided_like, is_sharded, own_part, whole
from clearhead.training.run_folder.log import read_log
from clearhead.training.settings import Settings
from tests.training.conftest import ONE_SIDED, tiny_table
from tests.training.processes.test_parallel import finish, start, toml


@pytest.mark.slow
# A decoder alone and an encoder alone are divided in the same way as both.
@pytest.mark.parametrize(
    "task",
    ["translation", *(pytest.param(task, marks=pytest.mark.heavy) for task in ONE_SIDED)],
)
def test_a_divided_model_learns_what_a_whole_one_does(task: str, tmp_path: Path) -> None:
    table = {"translation": tiny_table, **ONE_SIDED}[task](tmp_path)
    table["training"] |= {"micro_batches": 2, "translated_pairs": 0, "keep_checkpoints": 9}
    settings = Settings.from_dict(table)
    config = tmp_path / "tiny.toml"
    config.write_text(toml(table))
    sharded = start(config, tmp_path / "sharded", "--set", "training.shard=true")
    Trainer(settings, tmp_path / "whole").train()
    messages = finish(sharded)
    assert "sharded: each process has its part of the model" in messages
    logs = [read_log(tmp_path / name / "log.jsonl") for name in ("whole", "sharded")]
    for one, other in zip(*logs, strict=True):
        for name in ("loss", "gradient_norm"):
            if name in one:
                assert other[name] == pytest.approx(one[name], rel=1e-3), (one, other)
    for file in ("model/model.safetensors", "best/model.safetensors"):
        ours, theirs = (load_file(tmp_path / name / file) for name in ("sharded", "whole"))
        for name, value in theirs.items():
            assert ours[name].shape == value.shape
            if not name.endswith("key.bias"):  # it has no gradient at all but rounding
                assert float((ours[name] - value).abs().mean()) < 1e-3, name
    # Its checkpoint is whole: one process goes on from it, and two divide it again.
    more = Settings.from_toml(config, {"training.max_steps": 14})
    Trainer(more, tmp_path / "sharded").train()
    again = start(config, tmp_path / "sharded", "--max-steps", "16", "--set", "training.shard=true")
    assert "Going on from step 14." in finish(again)


def test_one_process_has_all(table: dict[str, Any], tmp_path: Path) -> None:
    table["training"] |= {"shard": True, "max_steps": 2}
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    assert not is_sharded(trainer.model)
    trainer.train()
    tensor = torch.ones(2)
    assert whole(tensor) is own_part(tensor) is divided_like(tensor, torch.zeros(2)) is tensor


def test_micro_batches_are_shared_evenly(
    table: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearhead.training.processes.workers import micro_batches_of
    from clearhead.training.run_folder.progress import Progress

    table["training"] |= {"shard": True, "micro_batches": 3}
    options = Settings.from_dict(table).training
    with pytest.raises(ConfigError, match=r"2 processes do not share 3 evenly\. Set"):
        micro_batches_of(options, 2, Progress())
