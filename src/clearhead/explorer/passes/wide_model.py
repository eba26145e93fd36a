"""A float64 model whose weights stay in float32, in the memory where they are stored.

Casting a model of a hundred million weights would take a gigabyte more. Here, parts of a weight are
cast while they are multiplied, within the processor's cache, and then discarded. Every float32
number is exact in float64, so the results equal those of a model that was cast as a whole, up to
the order of summation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...reference.layers.attention_positions import AttentionPositions
from ...reference.layers.blocks import DecoderBlock, EncoderBlock
from ...reference.layers.embedding import Embedding
from ...reference.layers.output import Output
from ...reference.products import Products, WeightProduct
from ...reference.transformer import Transformer
from ...reference.weights import check_shapes, expected_shapes
from ...shapes import Array
from ..contract.stopping import check

_PART = 2**20  # bytes of a weight that are cast at a time


def by_wide_weight(weight: Array) -> WeightProduct:
    """Return a function that maps x Float["... in"] to x W^T in float64.

    Args:
        weight: Float["out in"] of any type, which is not copied.
    """
    out_dim, in_dim = weight.shape
    height = max(_PART // (8 * in_dim), 1)

    def product(x: Array) -> Array:
        check()
        rows = np.ascontiguousarray(x.reshape(-1, in_dim))
        result = np.empty((len(rows), out_dim))
        for start in range(0, out_dim, height):
            part = slice(start, start + height)
            result[:, part] = rows @ weight[part].astype(np.float64).T
        return result.reshape(*x.shape[:-1], out_dim)

    return product


WIDE = Products(by_wide_weight, np.matmul, joint=False)


class _Rows:
    """A matrix whose selected rows are returned in float64."""

    dtype = np.dtype(np.float64)

    def __init__(self, matrix: Array) -> None:
        self._matrix = matrix
        self.shape = matrix.shape

    def take(self, ids: Array, axis: int = 0) -> Array:
        return self._matrix.take(ids, axis=axis).astype(np.float64)


class _WideTables(Mapping[str, Any]):
    """The weights for embeddings and positions: matrices by rows, other tables whole."""

    def __init__(self, weights: Mapping[str, Array], matrices: Sequence[str]) -> None:
        self._weights, self._matrices = weights, matrices

    def __getitem__(self, name: str) -> Any:
        weight = self._weights[name]
        return _Rows(weight) if name in self._matrices else weight.astype(np.float64)

    def __iter__(self) -> Iterator[str]:
        # The dtype of the first value determines the dtype of the computation.
        return iter(dict.fromkeys((*self._matrices, *self._weights)))

    def __len__(self) -> int:
        return len(self._weights)


class WideTransformer(Transformer):
    """A `Transformer` that computes in float64 with weights of any type, without copying them.

    Args:
        config: the config of the model.
        weights: by name, as docs/formats.md names them.

    Raises:
        ConfigError: weights are missing or unexpected; the message lists them.
        ShapeError: weights have wrong shapes; the message lists them.
    """

    def __init__(self, config: TransformerConfig, weights: Mapping[str, Array]) -> None:
        check_shapes({name: tuple(np.shape(array)) for name, array in weights.items()}, config)
        self.config, self.dtype = config, np.dtype(np.float64)
        self.weights = {name: np.asarray(weights[name]) for name in expected_shapes(config)}
        names = (f"{config.embedding_name(side)}.weight" for side in ("source", "target"))
        matrices = [name for name in dict.fromkeys(names) if name in self.weights]
        tables = _WideTables(self.weights, matrices)
        self._embedding = Embedding(config, tables)
        self._positions = AttentionPositions(config, tables)
        self.encoder_layers = [
            EncoderBlock(self.weights, f"encoder.layers.{i}", config, products=WIDE)
            for i in range(config.encoder_layers)
        ]
        self.decoder_layers = [
            DecoderBlock(
                self.weights,
                f"decoder.layers.{i}",
                config.of_stack("decoder"),
                window=config.window(i),
                products=WIDE,
            )
            for i in range(config.decoder_layers)
        ]
        self._output = Output(config, self.weights, products=WIDE)
