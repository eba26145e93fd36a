"""Turns our weights into the tensors that a transformers family stores: the inverse of reading."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..config import TransformerConfig
from ..errors import ConfigError
from ..pretrained.family import Family, StoredWeight
from ..reference.positions import sinusoidal_positions
from ..shapes import Array

# Names of tensors of the whole model in transformers, which have no prefix.
_OF_THE_HEAD = ("lm_head.weight", "final_logits_bias")


def stored_tensors(
    family: Family, config: TransformerConfig, weights: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the contents of a family's weight file, each array contiguous.

    Args:
        family: says which tensor each weight belongs to.
        config: of the model, in the form that the family computes.
        weights: by our names; a missing ``output.bias`` is replaced by zeros.

    Raises:
        ConfigError: the family stores something that the weights cannot provide.
    """
    prefix = family.prefixes[0] if family.prefixes else ""
    parts: dict[str, list[tuple[int, str, StoredWeight]]] = {}
    for name, place in family.weights(config, {}).items():
        start = 0 if place.rows is None else place.rows.start
        parts.setdefault(place.name, []).append((start, name, place))
    tensors = {}
    for tensor, places in parts.items():
        name = tensor if tensor in _OF_THE_HEAD else prefix + tensor
        tensors[name] = _tensor(config, weights, sorted(places, key=lambda part: part[0]))
    return tensors


def _tensor(
    config: TransformerConfig,
    weights: Mapping[str, Array],
    places: list[tuple[int, str, StoredWeight]],
) -> Array:
    """Concatenate the weights that are stored in one tensor."""
    arrays = []
    for _, name, place in places:
        if name == "output.bias":
            bias = weights.get(name, np.zeros(config.vocab_size, np.float32))
            return np.ascontiguousarray(bias.reshape(1, -1))
        if place.change is not None:
            raise ConfigError(f"The weight {name} is stored changed, which is not written here.")
        arrays.append(weights[name])
    # Equal weights that share a tensor, such as tied embeddings, are stored once.
    rows = arrays[0] if places[0][2].rows is None else np.concatenate(arrays)
    return np.ascontiguousarray(rows.T if places[0][2].transposed else rows)


def position_tables(family: Family, config: TransformerConfig) -> dict[str, Array]:
    """Return the tables of sinusoidal positions, which transformers expects in the file."""
    if config.positions != "sinusoidal":
        return {}
    table = sinusoidal_positions(config.max_length, config.d_model)
    halves = np.concatenate((table[:, 0::2], table[:, 1::2]), axis=1)
    names = [f"{stack}.embed_positions.weight" for stack in ("encoder", "decoder")]
    return {family.prefixes[0] + name: halves for name in names}


def halved_sinusoids(config: TransformerConfig, weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return the weights for positions with all sines before all cosines.

    Ours alternate, so every axis of the residual stream is permuted. The model computes the same
    numbers in that order.
    """
    if config.positions != "sinusoidal" or config.embedding.sinusoid != "interleaved":
        return dict(weights)
    order = np.concatenate((np.arange(0, config.d_model, 2), np.arange(1, config.d_model, 2)))
    return {name: _in_order(name, weight, order) for name, weight in weights.items()}


def _in_order(name: str, weight: Array, order: Array) -> Array:
    if name == "output.bias":
        return weight
    writes = (".output.weight", ".down.weight", ".output.bias", ".down.bias")
    of_stream = name.endswith(writes) and "layers" in name
    if of_stream or name.endswith(("_norm.weight", "_norm.bias", ".norm.weight", ".norm.bias")):
        return weight[order]
    # Layers that read the stream, embeddings and the output matrix have it as their last axis.
    return weight[:, order] if weight.ndim == 2 else weight
