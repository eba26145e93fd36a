"""The finished model: the mean of the last states, in the dtype that was asked for."""

from __future__ import annotations

import types

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file

from clearhead.config import TransformerConfig
from clearhead.training.run_folder.finish import export_average


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_mean_is_written_in_the_dtype(tmp_path, dtype):
    states = []
    for number, value in enumerate((1.0, 4.0)):
        folder = tmp_path / f"step-{number:08d}"
        folder.mkdir()
        save_file({"x.weight": torch.full((2, 3), value)}, folder / "model.safetensors")
        states.append(folder)
    tokenizer = types.SimpleNamespace(to_json=lambda: "{}")
    data = types.SimpleNamespace(tokenizer=tokenizer)
    config = TransformerConfig(vocab_size=300)
    export_average(tmp_path / "model", states, config, data, {"steps": 2}, dtype=dtype)
    (origin,) = load_file(tmp_path / "model" / "model.safetensors").values()
    assert origin.dtype == dtype
    assert np.array_equal(origin, np.full((2, 3), 2.5))
    assert '"steps": 2' in (tmp_path / "model" / "config.json").read_text()
