"""ViT (Dosovitskiy et al. 2020, arXiv 2010.11929).

An encoder with norms before each sublayer. Its input is an image, cut into patches that a strided
convolution projects, after a learned class token. The classifier is the output matrix; the model's
result is the logits at position 0, that of the class token.

A file may hold the encoder alone, or with another head. Other heads are not read, nor is the
pooler, which belongs to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ...config import TransformerConfig
from ...config_parts import AttentionConfig, OutputConfig, PatchConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...shapes import Array
from ...visible import quoted
from ..family import Family, Shape, StoredWeight
from ..labels import label_names
from ._fields import activation, flag, number, refuse_decoder, refuse_pruned_heads, size
from ._weights import linear

_LINEARS = {
    "self_attention.query": "attention.attention.query",
    "self_attention.key": "attention.attention.key",
    "self_attention.value": "attention.attention.value",
    "self_attention.output": "attention.output.dense",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
}
_NORMS = {"self_attention_norm": "layernorm_before", "feed_forward_norm": "layernorm_after"}
_HEAD = "classifier.weight"


def _read_config(fields: Fields) -> TransformerConfig:
    refuse_decoder(fields, "ViT")
    refuse_pruned_heads(fields)
    image, patch = _sides(fields, "image_size", 224), _sides(fields, "patch_size", 16)
    patches = PatchConfig(
        height=patch[0],
        width=patch[1],
        image_height=image[0],
        image_width=image[1],
        channels=size(fields, "num_channels", 3),
        class_token=True,
    )
    return TransformerConfig(
        # A model without a classifier may have no labels, but the size must be at least 1.
        vocab_size=max(1, len(label_names(fields))),
        d_model=size(fields, "hidden_size", 768),
        num_heads=size(fields, "num_attention_heads", 12),
        encoder_layers=size(fields, "num_hidden_layers", 12),
        decoder_layers=0,
        feed_forward_dim=size(fields, "intermediate_size", 3072),
        activation=activation(fields, "hidden_act"),
        norm_place="before",
        norm_epsilon=number(fields, "layer_norm_eps", 1e-12),
        positions="learned",
        max_length=patches.length,
        tied_embeddings=False,
        scale_embedding=False,
        dropout=number(fields, "hidden_dropout_prob", 0.0),
        attention_dropout=number(fields, "attention_probs_dropout_prob", 0.0),
        pad_id=0,
        start_id=0,
        end_id=0,
        attention=AttentionConfig(
            head_dim=size(fields, "head_dim") if fields.has("head_dim") else None,
            bias=flag(fields, "qkv_bias", default=True),
        ),
        patches=patches,
        output=OutputConfig(bias=True),
    )


def _sides(fields: Fields, key: str, default: int) -> tuple[int, int]:
    """Return height and width; a config may have one number for both.

    Raises:
        ConfigError: there are more or fewer numbers.
    """
    if not fields.has(key) or not isinstance(fields.value(key), list):
        side = size(fields, key, default)
        return side, side
    sides = fields.integers(key, least=1)
    if len(sides) != 2:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} lists {len(sides)} numbers; it is one number of "
            f"pixels, or two: a height and a width."
        )
    return sides[0], sides[1]


def _fit_config(config: TransformerConfig, tensors: Mapping[str, Shape]) -> TransformerConfig:
    if _HEAD in tensors:
        return config
    return config.replace(output={"matrix": False})


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    projection, part = "embeddings.patch_embeddings.projection", config.patches
    kernel = (config.d_model, part.channels, part.height, part.width)
    places = {
        "patches.weight": StoredWeight(f"{projection}.weight", change=partial(_flat, shape=kernel)),
        "patches.bias": StoredWeight(f"{projection}.bias"),
        "class_token.weight": StoredWeight("embeddings.cls_token", change=_without_batch),
        "source_positions.weight": StoredWeight(
            "embeddings.position_embeddings", change=_without_batch
        ),
        **linear("encoder.norm", "layernorm"),
    }
    without_bias = () if config.attention_bias else ("query", "key", "value")
    for layer in range(config.encoder_layers):
        for name, module in {**_LINEARS, **_NORMS}.items():
            ours = f"encoder.layers.{layer}.{name}"
            places.update(linear(ours, f"encoder.layer.{layer}.{module}"))
            if ours.endswith(without_bias):
                del places[f"{ours}.bias"]
    if config.output.matrix:
        places.update(linear("output", "classifier"))
    return places


def _flat(kernel: Array, *, shape: Shape) -> Array:
    """Return a convolution's kernel as the matrix that multiplies the pixels of a patch.

    Raises:
        ValueError: the kernel has another shape, which would be lost in the matrix.
    """
    if kernel.shape != shape:
        raise ValueError(f"The kernel is {kernel.shape} and should be {shape}.")
    return kernel.reshape(shape[0], -1)


def _without_batch(array: Array) -> Array:
    """Remove the batch axis of size 1; raise a ValueError if it is larger."""
    return array.reshape(array.shape[1:])


def _tasks(tensors: Mapping[str, Shape]) -> frozenset[str]:
    return frozenset({"classify"} if _HEAD in tensors else ())


VIT = Family(
    name="ViT",
    model_types=("vit",),
    read_config=_read_config,
    weights=_weights,
    tasks=_tasks,
    prefixes=("vit.",),
    unused=("pooler.dense.*", "embeddings.mask_token", "decoder.0.*"),
    fit_config=_fit_config,
)
