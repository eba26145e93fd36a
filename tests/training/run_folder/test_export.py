"""The finished model of a run on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from clearhead.config import TransformerConfig
from clearhead.nn.transformer import Transformer
from clearhead.training.run_folder.export import export_model

CONFIG = TransformerConfig(
    vocab_size=12, d_model=8, num_heads=2, encoder_layers=1, decoder_layers=1,
    feed_forward_dim=8, max_length=8,
)  # fmt: skip


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_a_finished_model(tmp_path: Path, storage: str) -> None:
    model = Transformer(CONFIG)
    folder = tmp_path / "model"
    for note in ("first", "second"):  # the second replaces the first
        export_model(
            folder,
            model.state_dict(),
            CONFIG.to_dict(),
            '{"tokenizer": 1}',
            {"note": note},
            storage=storage,
        )
    description = json.loads((folder / "config.json").read_text())
    assert isinstance(description.pop("crc32"), int)
    assert description == {
        "format": 1,
        "model": CONFIG.to_dict(),
        "provenance": {"note": "second"}
        | ({} if storage == "float32" else {"storage": {"weights": "float16"}}),
    }
    assert (folder / "tokenizer.json").read_text() == '{"tokenizer": 1}'
    saved = load_file(folder / "model.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert {value.dtype for value in saved.values()} == {getattr(torch, storage)}
    torch.testing.assert_close(
        saved["embedding.weight"].float(), model.embedding.weight.detach(), rtol=1e-3, atol=1e-3
    )
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
