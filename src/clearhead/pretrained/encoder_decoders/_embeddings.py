"""Locates the embeddings of a model with encoder and decoder in its files.

Source, target and output may share one matrix. The files then hold it once, under any of its names,
or several times. Like transformers, this module reads a matrix that is stored under its own name
from there, whatever the config says about sharing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from ...config import TransformerConfig
from ..family import Shape, StoredWeight

SHARED = "shared.weight"
SOURCE = "encoder.embed_tokens.weight"
TARGET = "decoder.embed_tokens.weight"
OUTPUT = "lm_head.weight"


class _Matrices(NamedTuple):
    """The tensors from which source, target and output are read."""

    source: str
    target: str
    output: str


def fit_embeddings(config: TransformerConfig, tensors: Mapping[str, Shape]) -> TransformerConfig:
    """Return the config with the embeddings shared as in the files.

    Args:
        config: from config.json; it says which matrices may be stored under another's name.
        tensors: the tensors in the files.
    """
    matrices = _locate(config, tensors)
    shared = matrices.source == matrices.target
    tied = matrices.output == matrices.target
    output = dataclasses.replace(config.output, tied=None if tied == shared else tied)
    return dataclasses.replace(config, tied_embeddings=shared, output=output)


def stored_embeddings(
    config: TransformerConfig, tensors: Mapping[str, Shape]
) -> dict[str, StoredWeight]:
    """Return the places of the embeddings of a config that was fitted to the tensors."""
    matrices = _locate(config, tensors)
    weights = {
        f"{config.embedding_name('source')}.weight": StoredWeight(matrices.source),
        f"{config.embedding_name('target')}.weight": StoredWeight(matrices.target),
    }
    if not config.tied_output:
        weights["output.weight"] = StoredWeight(matrices.output)
    return weights


def _locate(config: TransformerConfig, tensors: Mapping[str, Shape]) -> _Matrices:
    """Find each matrix under its own name, or else under that of one that it is shared with."""
    output = (OUTPUT,) if config.tied_output else ()
    if config.tied_embeddings or SHARED in tensors:
        source = _first(tensors, SOURCE, SHARED, TARGET, *output)
        target = _first(tensors, TARGET, SHARED, SOURCE, *output)
    else:
        source, target = SOURCE, _first(tensors, TARGET, *output)
    if OUTPUT in tensors or not config.tied_output:
        return _Matrices(source, target, OUTPUT)
    return _Matrices(source, target, target)


def _first(tensors: Mapping[str, Shape], *names: str) -> str:
    """Return the first name that is stored; if none is, the second, to be reported missing."""
    there = [name for name in names if name in tensors]
    return there[0] if there else names[min(1, len(names) - 1)]
