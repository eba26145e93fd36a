"""Builds a model of ours as a transformers module in memory, for comparisons and measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..config import TransformerConfig
from ..errors import ConfigError, require
from ..shapes import Array
from .destinations import destination_of
from .stored_weights import halved_sinusoids, position_tables, stored_tensors

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


def transformers_config(config: TransformerConfig) -> PretrainedConfig:
    """Return the transformers config for a model of ours.

    Raises:
        ConfigError: no family of transformers can compute this model.
        MissingExtraError: transformers is not installed.
    """
    require("transformers", extra="export", purpose="A model in transformers")
    from transformers import AutoConfig

    settings: dict[str, Any] = dict(destination_of(config).settings)
    return AutoConfig.for_model(settings.pop("model_type"), **settings)


def transformers_model(config: TransformerConfig, weights: Mapping[str, Array]) -> PreTrainedModel:
    """Return the transformers model with our weights, in evaluation mode.

    Raises:
        ConfigError: no family of transformers can compute this model, or a weight has no place in
            it.
        MissingExtraError: transformers or PyTorch is not installed.
    """
    require("torch", extra="export", purpose="A model in transformers")
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    auto = AutoModelForSeq2SeqLM if config.encoder_layers else AutoModelForCausalLM
    model = auto.from_config(transformers_config(config)).eval()
    destination = destination_of(config)
    arrays = stored_tensors(
        destination.family, destination.config, halved_sinusoids(config, weights)
    )
    arrays |= position_tables(destination.family, destination.config)
    tensors = {name: torch.tensor(array, dtype=torch.float32) for name, array in arrays.items()}
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    model.tie_weights()
    tied = [name for name in missing if "embed_tokens" in name or name == "lm_head.weight"]
    if unexpected or len(tied) < len(missing):
        names = ", ".join([*unexpected, *(name for name in missing if name not in tied)])
        raise ConfigError(f"These weights of transformers' model and ours do not meet: {names}.")
    return model
