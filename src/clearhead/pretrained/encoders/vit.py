"""ViT (Dosovitskiy et al. 2020, arXiv 2010.11929) reads images, and is refused with a sentence.

Its layers are those of a pre-norm encoder. What stands before them is not: the input is no row of
token ids but an image, cut into patches that a matrix projects, after a vector for the class.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...config import TransformerConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ..family import Family, Shape, StoredWeight


def _read_config(fields: Fields) -> TransformerConfig:
    raise ConfigError(
        f"ViT reads images, and the models here read token ids; {fields.name} is of such a model, "
        f"which is not read. ch.record shows the attention of one that runs in PyTorch."
    )


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    return {}  # no config leads here


def _tasks(tensors: Mapping[str, Shape]) -> frozenset[str]:
    return frozenset()


VIT = Family(
    name="ViT", model_types=("vit",), read_config=_read_config, weights=_weights, tasks=_tasks
)
