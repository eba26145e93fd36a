"""Finds the family of transformers that can compute a model of ours, and writes its config.json.

A model is exported as the first family whose reader turns the exported config back into the same
config, so the writing here and the reading in `clearhead.pretrained` cannot disagree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from ..config import TransformerConfig
from ..errors import ConfigError
from ..file_reading import FileProblem
from ..json_fields import Fields
from ..pretrained.decoders.gpt2 import GPT2
from ..pretrained.decoders.llama import LLAMA
from ..pretrained.encoder_decoders.marian import MARIAN
from ..pretrained.encoder_decoders.pegasus import PEGASUS
from ..pretrained.family import Family

Writer = Callable[[TransformerConfig], dict[str, Any]]

_ACTIVATIONS = {"gelu_tanh": "gelu_pytorch_tanh", "swiglu": "silu"}


class Destination(NamedTuple):
    """The form that a model of ours takes in transformers.

    Attributes:
        family: the family whose weight names are used.
        config: our config, as the family computes it: the residual stream may be permuted.
        settings: its config.json.
    """

    family: Family
    config: TransformerConfig
    settings: dict[str, Any]


def _special(config: TransformerConfig) -> dict[str, Any]:
    return {
        "pad_token_id": config.pad_id,
        "bos_token_id": config.start_id,
        "eos_token_id": config.end_id,
    }


def _translator(
    model_type: str, architecture: str
) -> Callable[[TransformerConfig], dict[str, Any]]:
    """Return a function that writes the config.json of Marian or PEGASUS."""

    def write(config: TransformerConfig) -> dict[str, Any]:
        decoder = config.of_stack("decoder")
        settings = {
            "model_type": model_type,
            "architectures": [architecture],
            "is_encoder_decoder": True,
            "vocab_size": config.vocab_size,
            "d_model": config.d_model,
            "encoder_layers": config.encoder_layers,
            "decoder_layers": config.decoder_layers,
            "encoder_attention_heads": config.num_heads,
            "decoder_attention_heads": decoder.num_heads,
            "encoder_ffn_dim": config.feed_forward_dim,
            "decoder_ffn_dim": decoder.feed_forward_dim,
            "activation_function": _ACTIVATIONS.get(config.activation, config.activation),
            "dropout": config.dropout,
            "attention_dropout": config.attention_dropout,
            "activation_dropout": 0.0,
            "scale_embedding": config.scale_embedding,
            "max_position_embeddings": config.max_length,
            "tie_word_embeddings": config.tied_output,
            "decoder_start_token_id": config.start_id,
            "forced_eos_token_id": config.end_id,
            **_special(config),
        }
        if model_type == "marian":
            settings["share_encoder_decoder_embeddings"] = config.tied_embeddings
            settings["decoder_vocab_size"] = config.vocab_size
        return settings

    return write


def _llama(config: TransformerConfig) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "intermediate_size": config.feed_forward_dim,
        "num_hidden_layers": config.decoder_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.key_value_heads,
        "head_dim": config.head_dim,
        "hidden_act": _ACTIVATIONS.get(config.activation, config.activation),
        "max_position_embeddings": config.max_length,
        "rms_norm_eps": config.norm_epsilon,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary_base},
        "attention_bias": config.attention_bias,
        "mlp_bias": config.bias,
        "attention_dropout": config.attention_dropout,
        "tie_word_embeddings": config.tied_output,
        **_special(config),
    }


def _gpt2(config: TransformerConfig) -> dict[str, Any]:
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab_size,
        "n_embd": config.d_model,
        "n_layer": config.decoder_layers,
        "n_head": config.num_heads,
        "n_inner": config.feed_forward_dim,
        "n_positions": config.max_length,
        "activation_function": _ACTIVATIONS.get(config.activation, config.activation),
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.attention_dropout,
        "layer_norm_epsilon": config.norm_epsilon,
        "tie_word_embeddings": config.tied_output,
        **_special(config),
    }


_WRITERS: tuple[tuple[Family, Writer], ...] = (
    (MARIAN, _translator("marian", "MarianMTModel")),
    (PEGASUS, _translator("pegasus", "PegasusForConditionalGeneration")),
    (LLAMA, _llama),
    (GPT2, _gpt2),
)


def destination_of(config: TransformerConfig) -> Destination:
    """Return the family of transformers that can compute a model with this config.

    Raises:
        ConfigError: there is none; the message says for each family which settings differ.
    """
    differences = {}
    for family, write in _WRITERS:
        settings = write(config)
        ours = _in_family(config, family)
        try:
            theirs = family.read_config(Fields(settings, "config.json"))
        except (ConfigError, FileProblem) as error:
            differences[family.name] = [str(error)]
            continue
        differing = _differences(ours, theirs)
        if not differing:
            return Destination(family, ours, settings)
        differences[family.name] = differing
    rows = "; ".join(
        f"{name} has other {', '.join(names)}" if len(names) < 9 else f"{name} is another model"
        for name, names in differences.items()
    )
    raise ConfigError(
        f"No family of transformers that is written here computes this model: {rows}."
    )


def _in_family(config: TransformerConfig, family: Family) -> TransformerConfig:
    """Return our config in the form that a family computes, if the results stay the same."""
    if family in (MARIAN, PEGASUS):
        # Sines and cosines in halves permute the residual stream. A bias of zeros changes nothing.
        embedding = dataclasses.replace(config.embedding, sinusoid="halves")
        output = dataclasses.replace(config.output, bias=True)
        return dataclasses.replace(config, embedding=embedding, output=output)
    if family is LLAMA:
        return dataclasses.replace(
            config,
            num_kv_heads=config.key_value_heads,
            dropout=0.0,
            attention=dataclasses.replace(
                config.attention,
                head_dim=config.head_dim,
                bias=config.attention_bias,
                output_bias=config.attention_output_bias,
            ),
        )
    return config


# Settings that only concern training, or parts that this model lacks.
_UNUSED = {
    "dropout": lambda config: True,
    "attention_dropout": lambda config: True,
    "relative_buckets": lambda config: config.positions != "relative",
    "relative_max_distance": lambda config: config.positions != "relative",
    "rotary_base": lambda config: config.positions != "rotary",
    "num_kv_heads": lambda config: config.key_value_heads == config.num_heads,
}


def _differences(ours: TransformerConfig, theirs: TransformerConfig) -> list[str]:
    """Return the names of the settings that make two configs compute different numbers."""
    return [
        field.name
        for field in dataclasses.fields(ours)
        if getattr(ours, field.name) != getattr(theirs, field.name)
        and not (field.name in _UNUSED and _UNUSED[field.name](ours))
    ]
