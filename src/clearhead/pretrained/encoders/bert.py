"""BERT (Devlin et al. 2018, arXiv 1810.04805).

Norms after each residual sum, and one after the sum of the embeddings. Each token has one of two
types, whose vector is added too. The head for masked words is a linear layer, an activation and a
norm, then the output matrix, which is the embedding, and a bias.

A file may hold the encoder alone, or with the head for masked words, or with another head. Other
heads are not read, nor is the pooler, which belongs to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...json_fields import Fields
from ..config_fields import flag, number, size
from ..family import Family, LabelHead, Shape, StoredWeight
from ._fields import (
    activation,
    refuse_decoder,
    refuse_other_positions,
    refuse_pruned_heads,
    token_ids,
    token_types,
)
from ._head import Heads, MaskedWordHead
from ._weights import layers, norm

_HEADS = Heads(
    MaskedWordHead(
        prefix="cls.predictions.",
        transform="cls.predictions.transform.dense",
        norm="cls.predictions.transform.LayerNorm",
        matrix="cls.predictions.decoder.weight",
        biases=("cls.predictions.decoder.bias", "cls.predictions.bias"),
    ),
    LabelHead(
        ("BertForSequenceClassification",),
        "pooler.dense",
        "tanh",
        "classifier",
        apart=("classifier.",),
    ),
)
_LINEARS = {
    "self_attention.query": "attention.self.query",
    "self_attention.key": "attention.self.key",
    "self_attention.value": "attention.self.value",
    "self_attention.output": "attention.output.dense",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
}
_NORMS = {
    "self_attention_norm": "attention.output.LayerNorm",
    "feed_forward_norm": "output.LayerNorm",
}


def bert_settings(fields: Fields, family: str, *, padding: int) -> dict[str, Any]:
    """Return the settings that the configs of BERT and RoBERTa share, under our names.

    Args:
        fields: of config.json.
        family: the family's name, for messages.
        padding: the id of padding if the config does not say.
    """
    refuse_decoder(fields, family)
    refuse_other_positions(fields)
    refuse_pruned_heads(fields)
    return {
        "vocab_size": size(fields, "vocab_size"),
        "d_model": size(fields, "hidden_size"),
        "num_heads": size(fields, "num_attention_heads"),
        "encoder_layers": size(fields, "num_hidden_layers"),
        "decoder_layers": 0,
        "feed_forward_dim": size(fields, "intermediate_size"),
        "activation": activation(fields, "hidden_act"),
        "norm_place": "after",
        "norm_epsilon": number(fields, "layer_norm_eps", 1e-12),
        "positions": "learned",
        "scale_embedding": False,
        "dropout": number(fields, "hidden_dropout_prob", 0.1),
        "attention_dropout": number(fields, "attention_probs_dropout_prob", 0.1),
        **token_ids(fields, padding=padding),
    }


def bert_encoder(
    config: TransformerConfig, tensors: Mapping[str, Shape]
) -> dict[str, StoredWeight]:
    """Return the places of the encoder's weights; RoBERTa's files use the same names as BERT's."""
    return {
        "embedding.weight": StoredWeight("embeddings.word_embeddings.weight"),
        "source_positions.weight": StoredWeight("embeddings.position_embeddings.weight"),
        "token_types.weight": StoredWeight("embeddings.token_type_embeddings.weight"),
        **norm("source_embedding_norm", "embeddings.LayerNorm", tensors),
        **layers(config.encoder_layers, "encoder.layer", _LINEARS, _NORMS, tensors),
    }


def _read_config(fields: Fields) -> TransformerConfig:
    settings = bert_settings(fields, "BERT", padding=0)
    return TransformerConfig(
        **settings,
        max_length=size(fields, "max_position_embeddings"),
        embedding=EmbeddingConfig(norm=True, token_types=token_types(fields)),
        output=_HEADS.output(
            fields,
            OutputConfig(
                tied=flag(fields, "tie_word_embeddings", default=True),
                bias=True,
                transform=settings["activation"],
            ),
        ),
    )


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    return {**bert_encoder(config, tensors), **_HEADS.places(config, tensors)}


BERT = Family(
    name="BERT",
    model_types=("bert",),
    read_config=_read_config,
    weights=_weights,
    tasks=_HEADS.words.tasks,
    prefixes=("bert.",),
    unused=(
        "embeddings.position_ids",
        "embeddings.token_type_ids",
        "pooler.dense.*",
        "cls.predictions.bias",
        "cls.seq_relationship.*",
        "classifier.*",
        "qa_outputs.*",
    ),
    fit_config=_HEADS.fit_config,
    label_head=_HEADS.labels,
)
