"""Alignment: how strongly the tokens of a translation attend to those of its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..engine.protocols import FloatArray
from ..errors import ConfigError
from ..reference.tracing.trace import Trace
from ..reference.transformer import Transformer

ROWS = ("output", "input")


def aligner(model: Transformer) -> Callable[[Sequence[int], Sequence[int], int, str], FloatArray]:
    """Return the function that gives the alignment of a translation, `align_tokens` of a model."""

    return partial(align_tokens, model)  # a partial pickles; a nested function would not


def align_tokens(
    model: Transformer,
    source: Sequence[int],
    target: Sequence[int],
    layer: int = -1,
    rows: str = "output",
) -> FloatArray:
    """Return the cross-attention weights of one decoder layer, averaged over its heads.

    There are two possible rows for a target token: that of the position which predicts it (one to
    its left), and that of the position which reads it. In the middle layers of deep decoders the
    second aligns better (Chen et al. 2020, arXiv 2004.14837). In the two layers of the bundled
    model it is the first: nearly every word with one plain counterpart is found in the row that
    predicts it, none in the one that reads it (``python -m benchmarks.discoveries`` counts).

    Weights on the source's end token are left out, so a row sums to at most 1.

    Args:
        source, target: token ids without special tokens.
        layer: number of the decoder layer; negative counts from the last.
        rows: ``output`` for the positions that predict each token, ``input`` for those that
            read it.

    Returns:
        ``[len(target), len(source)]``.

    Raises:
        ConfigError: the decoder has no such layer, or there are no such rows.
    """
    config = model.config
    if rows not in ROWS:
        raise ConfigError(f"alignment_rows must be output or input; it is {rows!r}.")
    source_ids, target_ids = [*source, config.end_id], [config.start_id, *target]
    weights = cross_attention(model, source_ids, target_ids, layer)
    first = 0 if rows == "output" else 1
    return weights[first : first + len(target), : len(source)]


def cross_attention(
    model: Transformer, source_ids: Sequence[int], target_ids: Sequence[int], layer: int
) -> FloatArray:
    """Return the cross-attention weights of one decoder layer, averaged over its heads.

    Args:
        source_ids: what the encoder reads.
        target_ids: what the decoder reads.
        layer: number of the decoder layer; negative counts from the last.

    Returns:
        ``[len(target_ids), len(source_ids)]``.

    Raises:
        ConfigError: the decoder has no such layer.
    """
    depth = model.config.decoder_layers
    if not -depth <= layer < depth:
        raise ConfigError(
            f"alignment_layer must be one of the decoder's {depth} layers, {-depth} to "
            f"{depth - 1}; it is {layer}."
        )
    path = f"decoder.layers.{layer % depth}.cross_attention.weights"
    trace = Trace(keep=[path])
    model.forward(np.array([source_ids]), np.array([target_ids]), trace=trace)
    weights: FloatArray = trace[path].value[0].mean(axis=0)
    return weights
