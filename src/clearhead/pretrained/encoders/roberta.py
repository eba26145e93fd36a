"""RoBERTa (Liu et al. 2019, arXiv 1907.11692), XLM-RoBERTa and CamemBERT.

As BERT, but positions count only tokens that are not padding, starting at the padding's id plus 1;
padding itself uses the row of its id. So the position table has that many more rows than a text may
have tokens. The head for masked words always uses exact GELU.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ..config_fields import flag, size
from ..family import Family, LabelHead, Shape, StoredWeight
from ._fields import token_types
from ._head import Heads, MaskedWordHead
from .bert import bert_encoder, bert_settings

_HEADS = Heads(
    MaskedWordHead(
        prefix="lm_head.",
        transform="lm_head.dense",
        norm="lm_head.layer_norm",
        matrix="lm_head.decoder.weight",
        biases=("lm_head.decoder.bias", "lm_head.bias"),
    ),
    LabelHead(
        (
            "RobertaForSequenceClassification",
            "XLMRobertaForSequenceClassification",
            "CamembertForSequenceClassification",
        ),
        "classifier.dense",
        "tanh",
        "classifier.out_proj",
        apart=("classifier.",),
    ),
)


def _read_config(fields: Fields) -> TransformerConfig:
    if "pad_token_id" in fields.names() and not fields.has("pad_token_id"):
        raise ConfigError(
            f"'pad_token_id' of {fields.name} is null; the positions of RoBERTa begin after the "
            f"id of padding, which is 1 in most models."
        )
    settings = bert_settings(fields, "RoBERTa", padding=1)
    offset, rows = settings["pad_id"] + 1, size(fields, "max_position_embeddings")
    if rows <= offset:
        raise ConfigError(
            f"'max_position_embeddings' of {fields.name} is {rows}; the first position of RoBERTa "
            f"is {offset}, the id of padding plus 1, and no text would fit."
        )
    return TransformerConfig(
        **settings,
        max_length=rows - offset,
        embedding=EmbeddingConfig(
            norm=True,
            token_types=token_types(fields),
            position_offset=offset,
            skip_padding=True,
        ),
        output=_HEADS.output(
            fields,
            OutputConfig(
                tied=flag(fields, "tie_word_embeddings", default=True), bias=True, transform="gelu"
            ),
        ),
    )


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    return {**bert_encoder(config, tensors), **_HEADS.places(config, tensors)}


ROBERTA = Family(
    name="RoBERTa",
    model_types=("roberta", "xlm-roberta", "camembert"),
    read_config=_read_config,
    weights=_weights,
    tasks=_HEADS.words.tasks,
    prefixes=("roberta.",),
    unused=(
        "embeddings.position_ids",
        "embeddings.token_type_ids",
        "pooler.dense.*",
        "lm_head.bias",
        "classifier.*",
        "qa_outputs.*",
    ),
    fit_config=_HEADS.fit_config,
    label_head=_HEADS.labels,
)
