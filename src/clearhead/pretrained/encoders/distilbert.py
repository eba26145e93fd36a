"""DistilBERT (Sanh et al. 2019, arXiv 1910.01108): BERT without token types and pooler.

It has names of its own for fields and tensors. Its table of positions is stored even if it is
sinusoidal (``sinusoidal_pos_embds``), and is always read from the file.
"""

from __future__ import annotations

from collections.abc import Mapping

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
)
from ._head import Heads, MaskedWordHead
from ._weights import layers, norm

_HEADS = Heads(
    MaskedWordHead(
        prefix="vocab_",
        transform="vocab_transform",
        norm="vocab_layer_norm",
        matrix="vocab_projector.weight",
        biases=("vocab_projector.bias",),
    ),
    LabelHead(
        ("DistilBertForSequenceClassification",),
        "pre_classifier",
        "relu",
        "classifier",
        apart=("pre_classifier.", "classifier."),
    ),
)
_LINEARS = {
    "self_attention.query": "attention.q_lin",
    "self_attention.key": "attention.k_lin",
    "self_attention.value": "attention.v_lin",
    "self_attention.output": "attention.out_lin",
    "feed_forward.up": "ffn.lin1",
    "feed_forward.down": "ffn.lin2",
}
_NORMS = {"self_attention_norm": "sa_layer_norm", "feed_forward_norm": "output_layer_norm"}


def _read_config(fields: Fields) -> TransformerConfig:
    refuse_decoder(fields, "DistilBERT")
    refuse_other_positions(fields)
    refuse_pruned_heads(fields)
    flag(fields, "sinusoidal_pos_embds", default=False)  # type check only: the table is stored
    hidden = activation(fields, "activation")
    return TransformerConfig(
        vocab_size=size(fields, "vocab_size"),
        d_model=size(fields, "dim"),
        num_heads=size(fields, "n_heads"),
        encoder_layers=size(fields, "n_layers"),
        decoder_layers=0,
        feed_forward_dim=size(fields, "hidden_dim"),
        activation=hidden,
        norm_place="after",
        norm_epsilon=1e-12,
        positions="learned",
        max_length=size(fields, "max_position_embeddings"),
        scale_embedding=False,
        dropout=number(fields, "dropout", 0.1),
        attention_dropout=number(fields, "attention_dropout", 0.1),
        embedding=EmbeddingConfig(norm=True),
        output=_HEADS.output(
            fields,
            OutputConfig(
                tied=flag(fields, "tie_word_embeddings", default=True), bias=True, transform=hidden
            ),
        ),
        **token_ids(fields, padding=0),
    )


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    return {
        "embedding.weight": StoredWeight("embeddings.word_embeddings.weight"),
        "source_positions.weight": StoredWeight("embeddings.position_embeddings.weight"),
        **norm("source_embedding_norm", "embeddings.LayerNorm", tensors),
        **layers(config.encoder_layers, "transformer.layer", _LINEARS, _NORMS, tensors),
        **_HEADS.places(config, tensors),
    }


def _frozen(fields: Fields) -> frozenset[str]:
    """Return the table of positions if it is sinusoidal, and so not trained."""
    is_computed = flag(fields, "sinusoidal_pos_embds", default=False)
    return frozenset({"source_positions.weight"} if is_computed else ())


DISTILBERT = Family(
    name="DistilBERT",
    model_types=("distilbert",),
    read_config=_read_config,
    weights=_weights,
    tasks=_HEADS.words.tasks,
    prefixes=("distilbert.",),
    unused=("embeddings.position_ids", "pre_classifier.*", "classifier.*", "qa_outputs.*"),
    fit_config=_HEADS.fit_config,
    label_head=_HEADS.labels,
    frozen=_frozen,
)
