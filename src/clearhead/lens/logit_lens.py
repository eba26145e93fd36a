"""The logit lens: the prediction if the model stopped after each layer.

The residual stream before each layer, and after the last, passes through the last norm and the
output matrix, as the model's own last hidden vector does (nostalgebraist 2020, "interpreting GPT:
the logit lens").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ShapeError
from ..reference.layers.linear import weight_and_bias
from ..reference.layers.norms import Norm
from ..reference.softmax import softmax
from ..reference.tracing.trace import Trace
from ..reference.transformer import Transformer
from ..shapes import Array, Bool, Float, Int

STEPS = ("*coder.layers.*.input", "*coder.output")
"""What of a forward pass it needs: patterns for a trace to keep."""


@dataclass(frozen=True)
class LayerReading:
    """The prediction after some of the layers, at one position.

    Attributes:
        layers: how many layers the stream has passed; 0 is the embedding.
        tokens: the likeliest next tokens, best first.
        probabilities: of these tokens.
        final_token: the likeliest after all layers.
        final_probability: of that token, here.
        final_rank: its rank among all tokens here, from 1.
    """

    layers: int
    tokens: tuple[int, ...]
    probabilities: tuple[float, ...]
    final_token: int
    final_probability: float
    final_rank: int


def logit_lens(
    model: Transformer,
    source_ids: Int[Array, "batch source_len"] | None = None,
    target_ids: Int[Array, "batch target_len"] | None = None,
    *,
    position: int = -1,
    row: int = 0,
    count: int = 5,
    mask: Bool[Array, "batch length"] | None = None,
    pixels: Float[Array, "batch channels height width"] | None = None,
) -> list[LayerReading]:
    """Return the predictions after each number of layers, at one position.

    Args:
        model: of the reference.
        source_ids, target_ids: as `Transformer.forward` takes them.
        position: the position whose next token is predicted; negative counts from the last.
        row: of the batch.
        count: how many tokens each reading lists.
        mask: True where a position is real, as `Transformer.forward` takes it.
        pixels: images instead of ``source_ids``, for a model that reads such.

    Returns:
        one reading for 0, 1, ... layers; the last is the model's own prediction.

    Raises:
        ShapeError: there is no such position.
    """
    trace = Trace(keep=STEPS)
    model.forward(source_ids, target_ids, pixels=pixels, mask=mask, trace=trace)
    return read_traced_layers(model, trace, position=position, row=row, count=count)


def read_traced_layers(
    model: Transformer, trace: Trace, *, position: int = -1, row: int = 0, count: int = 5
) -> list[LayerReading]:
    """Do what `logit_lens` does, with a trace of the whole forward pass.

    Raises:
        ShapeError: there is no such position.
    """
    stack = "decoder" if model.decoder_layers else "encoder"
    last = trace[f"{stack}.output"].value
    length = last.shape[1]
    if not -length <= position < length:
        raise ShapeError(f"position must be from {-length} to {length - 1}; it is {position}.")
    depth = len(getattr(model, f"{stack}_layers"))
    streams = np.stack(
        [trace[f"{stack}.layers.{layer}.input"].value[row, position] for layer in range(depth)]
    )
    hidden = np.concatenate([_after_last_norm(model, stack, streams), last[row, position][None]])
    probabilities = softmax(model.logits(hidden[None])[0])
    final = int(probabilities[-1].argmax())
    return [layer_reading(layers, line, final, count) for layers, line in enumerate(probabilities)]


def _after_last_norm(
    model: Transformer, stack: str, streams: Float[Array, "layers d_model"]
) -> Float[Array, "layers d_model"]:
    """Apply the stack's last norm, unless norms after each sublayer have normalised the stream."""
    if model.config.norm_place == "after":
        return streams
    return Norm(model.config, *weight_and_bias(model.weights, f"{stack}.norm"))(streams)


def layer_reading(
    layers: int, probabilities: Float[Array, "vocab"], final: int, count: int
) -> LayerReading:
    """Return the reading of the probabilities after some layers.

    Args:
        layers: how many layers the stream has passed.
        probabilities: of all tokens, there.
        final: the likeliest token after all layers.
        count: how many tokens the reading lists.
    """
    count = min(count, len(probabilities))
    best = np.argpartition(-probabilities, count - 1)[:count]
    best = best[np.lexsort((best, -probabilities[best]))]
    share = probabilities[final]
    return LayerReading(
        layers,
        tuple(best.tolist()),
        tuple(probabilities[best].tolist()),
        final,
        float(share),
        int((probabilities > share).sum()) + 1,
    )
