"""Linear layers after the pooling: PyTorch's own numbers, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from clearhead.engine.products import INDEPENDENT_ROWS
from clearhead.errors import CheckpointError
from clearhead.tasks.embedding.dense import read_dense

torch = pytest.importorskip("torch")
CONFIG = {"in_features": 5, "out_features": 7, "bias": True}


def write(folder, config, arrays=None, seed=0):
    rng = np.random.default_rng(seed)
    out, inner = config.get("out_features", 7), config.get("in_features", 5)
    weights = {"linear.weight": rng.normal(size=(out, inner)), "linear.bias": rng.normal(size=out)}
    if not config.get("bias", True):
        del weights["linear.bias"]
    weights = weights if arrays is None else arrays
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors")
    return weights


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "name",
    [None, "torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity",
     "torch.nn.modules.activation.ReLU", "torch.nn.modules.activation.GELU"],
)  # fmt: skip
def test_any_activation(tmp_path, name, bias):
    weights = write(tmp_path, {**CONFIG, "bias": bias, "activation_function": name})
    x = np.random.default_rng(1).normal(size=(4, 5))
    vectors = read_dense(tmp_path, dtype="float64", products=INDEPENDENT_ROWS)(x)
    tensors = {key: torch.from_numpy(array) for key, array in weights.items()}
    linear = torch.nn.functional.linear(
        torch.from_numpy(x), tensors["linear.weight"], tensors.get("linear.bias")
    )
    function = getattr(torch.nn, (name or "Tanh").rpartition(".")[2])()
    np.testing.assert_allclose(vectors, function(linear).numpy(), rtol=0, atol=1e-12)


def test_no_vector_depends_on_the_others(tmp_path):
    write(tmp_path, CONFIG)
    dense = read_dense(tmp_path, dtype="float32", products=INDEPENDENT_ROWS)
    x = np.random.default_rng(1).normal(size=(9, 5)).astype("f4")
    together = dense(x)
    assert together.dtype == np.float32
    for row in range(9):
        np.testing.assert_array_equal(dense(x[row : row + 1])[0], together[row])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation_function": "torch.nn.modules.activation.Mish"}, "Mish.*Tanh, Identity"),
        ({"activation_function": "my.own.Tanh"}, "my.own.Tanh"),
        ({"use_residual": True}, "use_residual"),
        ({"module_input_name": "token_embeddings"}, "module_input_name"),
        ({"out_features": None}, "out_features"),
        ({"out_features": 8}, r"a weight of \(8, 5\); beside it is \(7, 5\)"),
        ({"bias": False}, r"linear\.bias.*asks for linear\.weight"),
        ({"bias": "yes"}, "not true or false"),
    ],
)
def test_what_is_refused(tmp_path, change, words):
    write(tmp_path, CONFIG)
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **change}))
    with pytest.raises(CheckpointError, match=words):
        read_dense(tmp_path, dtype="float32")


def test_weights_that_are_no_numbers(tmp_path):
    weights = write(tmp_path, CONFIG)
    weights["linear.bias"][2] = np.nan
    write(tmp_path, CONFIG, weights)
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        read_dense(tmp_path, dtype="float32")


def test_pickles_are_refused(tmp_path):
    write(tmp_path, CONFIG)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickles"):
        read_dense(tmp_path, dtype="float32")
