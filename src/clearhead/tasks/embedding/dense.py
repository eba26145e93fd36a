"""The linear layer that some sentence-transformers models apply to text vectors (LaBSE).

vector = act(x W^T + b)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields
from ...pretrained.weight_files import open_weights
from ...reference.layers.feed_forward import activation
from ...reference.layers.linear import Linear
from ...reference.products import PLAIN, Products
from ...shapes import Array, Float
from ...visible import quoted

# The activations, by the names of their PyTorch classes.
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "Tanh": np.tanh,
    "Identity": lambda x: x,
    "ReLU": activation("relu"),
    "GELU": activation("gelu"),
    "SiLU": activation("silu"),
}
_SENTENCE = "sentence_embedding"


class Dense:
    """A linear layer and its activation.

    Args:
        linear: its weight and bias.
        function: the activation, which may overwrite its input.
    """

    def __init__(self, linear: Linear, function: Callable[[Array], Array]) -> None:
        self._linear, self._function = linear, function

    @property
    def in_dim(self) -> int:
        """The number of entries of an input vector."""
        return self._linear.in_dim

    @property
    def out_dim(self) -> int:
        """The number of entries of an output vector."""
        return self._linear.out_dim

    def __call__(self, vectors: Float[Array, "texts in_dim"]) -> Float[Array, "texts out_dim"]:
        """Return the output of the layer for each vector; vectors do not affect each other."""
        return self._function(self._linear(vectors[:, None])[:, 0])


def read_dense(folder: Path, *, dtype: Any, products: Products = PLAIN) -> Dense:
    """Read the layer in a folder: config.json and model.safetensors.

    Args:
        folder: of the layer, such as ``2_Dense``.
        dtype: the dtype to compute in.
        products: how to multiply matrices.

    Raises:
        CheckpointError: a file is missing or damaged, or its layer is not supported.
    """
    path = folder / "config.json"
    try:
        fields = Fields(read_json(path), "the file")
        function = _function(fields)
        with open_weights(folder) as files:
            names = {"linear.weight", "linear.bias"} if _has_bias(fields) else {"linear.weight"}
            if names != files.places.keys():
                raise FileProblem(
                    f"the weights beside it are {', '.join(map(quoted, sorted(files.places)))}, "
                    f"and it asks for {', '.join(sorted(names))}"
                )
            arrays = {name: files.file(name).read_as(name, np.dtype(dtype)) for name in names}
        weight, bias = arrays["linear.weight"], arrays.get("linear.bias")
        shape = fields.integer("out_features", least=1), fields.integer("in_features", least=1)
        if weight.shape != shape or (bias is not None and bias.shape != shape[:1]):
            raise FileProblem(f"it asks for a weight of {shape}; beside it is {weight.shape}")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise FileProblem("the weights beside it hold NaN or infinity")
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. It belongs to how texts become vectors; get the "
            f"model's folder again, or read its vectors with hidden()."
        ) from error
    return Dense(Linear(weight, bias, products=products), function)


def _has_bias(fields: Fields) -> bool:
    return not fields.has("bias") or fields.flag("bias")


def _function(fields: Fields) -> Callable[[Array], Array]:
    """Return the activation; refuse other settings that are not supported."""
    for key in ("module_input_name", "module_output_name"):
        if fields.has(key) and fields.text(key) != _SENTENCE:
            raise FileProblem(f"{quoted(key)} is {quoted(fields.text(key))}, not {_SENTENCE}")
    if fields.has("use_residual") and fields.flag("use_residual"):
        raise FileProblem("use_residual is true, which is not computed here")
    if not fields.has("activation_function"):
        return _ACTIVATIONS["Tanh"]
    name = fields.text("activation_function")
    short = name.rpartition(".")[2]
    if not name.startswith("torch.") or short not in _ACTIVATIONS:
        raise FileProblem(
            f"its activation is {quoted(name)}; those of PyTorch that are computed here are "
            f"{', '.join(_ACTIVATIONS)}"
        )
    return _ACTIVATIONS[short]
