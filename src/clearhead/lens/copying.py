"""Which heads of a model of the reference copy what they read: from its weights alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ..config import TransformerConfig
from ..errors import ConfigError
from ..head_kinds import CopyingScores, copying_of, token_product
from ..shapes import Array, Float

NOT_SCORED = (
    "cross-attention reads what the encoder returns, and no embeddings: it has no copying score",
    "the encoder's heads do not write to the logits: they have no copying score",
)
PURPOSE = "A copying score follows a token from its embedding through one head to the logits. "


class Weighted(Protocol):
    """Anything with the config and the weights of a model, such as a `Transformer`."""

    @property
    def config(self) -> TransformerConfig:
        """The config of the model."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """Its weights, by name."""


def copying_scores(model: Weighted) -> CopyingScores:
    """Return how far each head of self-attention of the last stack copies what it reads.

    `clearhead.head_kinds.CopyingScores` has the formula and its source. Nothing is run.

    Args:
        model: its config and its weights.

    Raises:
        ConfigError: embeddings do not reach attention, or attention the logits, by products and
            frozen norms alone.
    """
    config, weights = model.config, model.weights
    _check(config)
    stack, side = ("decoder", "target") if config.decoder_layers else ("encoder", "source")
    output = weights[f"{config.output_name}.weight"]
    tokens = token_product(output, weights[f"{config.embedding_name(side)}.weight"])
    centred = config.norm == "layer"
    tokens = before_norm(tokens, weights[f"{stack}.norm.weight"], centred=centred)
    own = config.of_stack(stack)
    scores: dict[str, Array] = {}
    for layer in range(config.decoder_layers or config.encoder_layers):
        path = f"{stack}.layers.{layer}.self_attention"
        value = weights[f"{path}.value.weight"].astype(np.float64).T
        gain = weights[f"{path}_norm.weight"]
        value = before_norm(value, gain, centred=centred)
        values = value.reshape(len(value), own.key_value_heads, -1).transpose(1, 0, 2)
        values = values.repeat(own.num_heads // own.key_value_heads, axis=0)
        projection = weights[f"{path}.output.weight"].astype(np.float64).T
        if config.norm_place == "both":
            gain = weights[f"{path}_output_norm.weight"]
            projection = before_norm(projection.T, gain, centred=centred, after=True).T
        outputs = projection.reshape(own.num_heads, -1, projection.shape[1])
        scores[path] = copying_of(values, outputs, tokens)
    return CopyingScores(
        scores, NOT_SCORED if config.decoder_layers * config.encoder_layers else ()
    )


def before_norm(
    matrix: Float[Array, "d_model columns"],
    gain: Float[Array, "d_model"],
    *,
    centred: bool,
    after: bool = False,
) -> Float[Array, "d_model columns"]:
    """Carry directions from after a norm to before it, up to the norm's positive scale.

    Args:
        matrix: a direction in each column.
        gain: of the norm.
        centred: whether it subtracts the mean.
        after: the other direction: carry vectors from before the norm to after it.
    """
    scale = gain.astype(np.float64)[:, None]
    if after:
        return (matrix - matrix.mean(0) if centred else matrix) * scale
    scaled = matrix * scale
    return scaled - scaled.mean(0) if centred else scaled


def _check(config: TransformerConfig) -> None:
    """Refuse a model in which a token passes more than products and norms.

    Raises:
        ConfigError: it is one.
    """
    why = None
    if config.reads_images or config.output.labels:
        why = "This model reads images or predicts labels: what it reads is nothing it can write."
    elif not config.output.matrix:
        why = "This model has no output matrix: it predicts no tokens."
    elif config.output.transform is not None:
        why = "In this model a layer with an activation stands before the output matrix."
    elif config.norm_place == "after":
        why = "This model normalises its stream after each sum, so embeddings do not stay in it."
    elif config.embedding.norm:
        why = "This model normalises its embeddings, each by a scale of its own."
    if why is not None:
        raise ConfigError(f"{PURPOSE}{why}")
