"""Our own training uses what other people's models have, and the engine decodes what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from clearhead import nn
from clearhead.training.loop import Trainer
from clearhead.training.run_folder.log import read_log
from clearhead.training.settings import Settings
from clearhead.translation.checkpoint import Checkpoint, read_checkpoint
from tests.training.conftest import tiny_table

GEMMA = """
[model]
norm = "rms"
norm_place = "both"
activation = "geglu_tanh"
positions = "rotary"
decoder_layers = 2
num_kv_heads = 1
[model.attention]
head_dim = 12
head_norm = true
scale = 0.3
softcap = 5.0
windows = [3, 0]
[model.rotary]
dim = 8
local_base = 100.0
scaling = "llama3"
factor = 8.0
original_length = 64
[model.output]
tied = false
bias = true
softcap = 20.0
[model.decoder]
feed_forward_dim = 24
"""

MARIAN_AND_BERT = """
[model]
norm_place = "after"
activation = "silu"
bias = false
[model.attention]
bias = true
[model.embedding]
norm = true
position_offset = 2
skip_padding = true
sinusoid = "halves"
[model.output]
bias = true
scale = 0.5
transform = "gelu"
"""


def settings(folder: Path, model: str) -> Settings:
    """The settings of a tiny run from a TOML file with the tables of a model's parts."""
    table = tiny_table(folder)
    lines = [model]
    for section in ("data", "tokenizer", "training"):
        lines.append(f"[{section}]")
        lines += [f"{k} = {json.dumps(v)}" for k, v in table[section].items() if k != "corpus"]
    lines += ["[[data.corpus]]", f"path = {json.dumps(table['data']['corpus'][0]['path'])}"]
    path = folder / "settings.toml"
    path.write_text("\n".join(lines))
    sizes = {f"model.{name}": value for name, value in table["model"].items()}
    written = Settings.from_toml(path).model
    overrides = {name: value for name, value in sizes.items() if name[6:] not in written}
    return Settings.from_toml(path, overrides | {"model.attention_dropout": 0.0})


@pytest.fixture(params=[GEMMA, MARIAN_AND_BERT], ids=["gemma", "marian and bert"], scope="module")
def trained(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Checkpoint]:
    folder = tmp_path_factory.mktemp("parts")
    model = Trainer(settings(folder, request.param), folder / "run").train()
    return folder / "run", read_checkpoint(model)


def test_the_loss_falls(trained: tuple[Path, Checkpoint]) -> None:
    rows = read_log(trained[0] / "log.jsonl")
    losses = [row["loss"] for row in rows if row["kind"] == "train"]
    assert losses[-1] < losses[0] - 0.3


def test_every_weight_has_been_trained(trained: tuple[Path, Checkpoint]) -> None:
    """Norms are no longer ones, nor biases zeros."""
    weights = load_file(trained[0] / "model" / "model.safetensors")
    for name, value in weights.items():
        if "norm" in name or name.endswith("bias"):
            assert float((value - float("norm" in name and "weight" in name)).abs().max()) > 0, name


@torch.no_grad()
def test_the_engine_has_the_same_logits(trained: tuple[Path, Checkpoint]) -> None:
    checkpoint = trained[1]
    layers = nn.Transformer(checkpoint.config).double().eval()
    tensors = {name: torch.from_numpy(array) for name, array in checkpoint.weights.items()}
    layers.load_state_dict(tensors)
    source = np.array([[5, 9, 30, 7, 2], [40, 12, 2, 0, 0]])
    target = np.array([[1, 8, 20, 33, 6, 11, 50], [1, 60, 4, 4, 90, 10, 9]])
    logits = layers(torch.from_numpy(source), torch.from_numpy(target))
    ours = torch.log_softmax(logits, -1).numpy()
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-4)):
        decoding = checkpoint.engine(dtype).begin([[i for i in row if i] for row in source])
        for place in range(target.shape[1]):
            theirs = decoding.advance(target[:, place], np.arange(2))
            np.testing.assert_allclose(theirs, ours[:, place], rtol=0, atol=tolerance)
