"""What a run begins from: floats or 8 bits, as deep as the run's model or less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from clearhead.config import TransformerConfig
from clearhead.errors import CheckpointError
from clearhead.nn.transformer import Transformer
from clearhead.training.initial.weights import load_initial, read_initial_config
from clearhead.training.run_folder.export import export_model

CONFIG = TransformerConfig(
    vocab_size=20, d_model=16, num_heads=2, encoder_layers=2, decoder_layers=1,
    feed_forward_dim=24, max_length=16, dropout=0.0,
)  # fmt: skip
IDS = torch.tensor([[3, 4, 5, 2]]), torch.tensor([[1, 6, 7]])


def folder_of(tmp_path: Path, storage: str = "float32") -> tuple[Path, Transformer]:
    torch.manual_seed(0)
    model = Transformer(CONFIG).eval()
    folder = tmp_path / storage
    export_model(folder, model.state_dict(), CONFIG.to_dict(), "{}", {}, storage=storage)
    return folder, model


@pytest.mark.parametrize(("storage", "error"), [("float32", 0), ("float16", 2e-3), ("int8", 0.02)])
def test_weights_of_every_storage_are_loaded(tmp_path: Path, storage: str, error: float) -> None:
    folder, model = folder_of(tmp_path, storage)
    new = Transformer(CONFIG).eval()
    assert load_initial(folder, new) == []
    assert {value.dtype for value in new.state_dict().values()} == {torch.float32}
    with torch.no_grad():
        difference = (new(*IDS) - model(*IDS)).abs().max() / model(*IDS).abs().max()
    assert difference <= error
    assert (difference > 0) == (error > 0)


def test_a_deeper_model_computes_the_same(tmp_path: Path) -> None:
    folder, model = folder_of(tmp_path)
    deeper = Transformer(CONFIG.replace(encoder_layers=3, decoder_layers=3)).eval()
    sentences = load_initial(folder, deeper)
    assert [sentence.split(";")[0] for sentence in sentences] == [
        "encoder: 3 layers where training.initial has 2",
        "decoder: 3 layers where training.initial has 1",
    ]
    with torch.no_grad():
        assert torch.equal(deeper(*IDS), model(*IDS))


def test_a_layer_that_its_own_config_does_not_have_is_not_lost(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "encoder.layers.2.feed_forward.up.bias": torch.zeros(24)}, path)
    deeper = Transformer(CONFIG.replace(encoder_layers=3))
    with pytest.raises(CheckpointError, match=r"do not fit this model: .*encoder\.layers\.2"):
        load_initial(folder, deeper)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 3}, "it has format 3; this version of clearhead reads formats 1 and 2"),
        ({"format": 1}, "is of type int8, and config.json says format 1, whose weights are floats"),
        ({"model": {"heads": 1}}, "Unknown model setting 'heads'"),
        ({"model": 7}, "Cannot read"),
    ],
)
def test_a_folder_that_cannot_be_read(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    folder, model = folder_of(tmp_path, "int8")
    path = folder / "config.json"
    assert read_initial_config(folder) == (CONFIG, 2)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError) as error:
        load_initial(folder, model)
    assert words in str(error.value)


def test_scales_that_are_missing(tmp_path: Path) -> None:
    folder, model = folder_of(tmp_path, "int8")
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["embedding.weight.scale"]
    save_file(tensors, path)
    words = r"model\.safetensors: its tensor 'embedding\.weight' is of type int8 and has no scales"
    with pytest.raises(CheckpointError, match=words):
        load_initial(folder, model)
