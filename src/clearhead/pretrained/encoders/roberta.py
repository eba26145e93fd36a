"""RoBERTa (Liu et al. 2019, arXiv 1907.11692), XLM-RoBERTa and CamemBERT.

As BERT, but positions count the tokens that are no padding, from the padding's id plus 1; padding
itself stands at the padding's id. So the table of positions has that many rows more than a text may
have tokens. The head for masked words has exact GELU, whatever the layers have.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ..config_fields import flag, size
from ..family import Family, Shape, StoredWeight
from ._fields import token_types
from ._weights import head_bias, linear, norm
from .bert import bert_encoder, bert_settings, fit_head, has_head

_HEAD = "lm_head"


def _read_config(fields: Fields) -> TransformerConfig:
    if "pad_token_id" in fields.names() and not fields.has("pad_token_id"):
        raise ConfigError(
            f'"pad_token_id" of {fields.name} is null; the positions of RoBERTa begin after the '
            f"id of padding, which is 1 in most models."
        )
    settings = bert_settings(fields, "RoBERTa", padding=1)
    offset, rows = settings["pad_id"] + 1, size(fields, "max_position_embeddings")
    if rows <= offset:
        raise ConfigError(
            f'"max_position_embeddings" of {fields.name} is {rows}; the first position of RoBERTa '
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
        output=OutputConfig(
            tied=flag(fields, "tie_word_embeddings", default=True), bias=True, transform="gelu"
        ),
    )


def _fit_config(config: TransformerConfig, tensors: Mapping[str, Shape]) -> TransformerConfig:
    return fit_head(config, tensors, f"{_HEAD}.", f"{_HEAD}.decoder.weight")


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    places = bert_encoder(config, tensors)
    if config.output.transform:
        places.update(linear("output_transform", f"{_HEAD}.dense"))
        places.update(norm("output_norm", f"{_HEAD}.layer_norm", tensors))
        places["output.bias"] = head_bias((f"{_HEAD}.decoder.bias", f"{_HEAD}.bias"), tensors)
    if not config.tied_output:
        places["output.weight"] = StoredWeight(f"{_HEAD}.decoder.weight")
    return places


def _tasks(tensors: Mapping[str, Shape]) -> frozenset[str]:
    return frozenset({"embed", "fill_mask"} if has_head(tensors, f"{_HEAD}.") else {"embed"})


ROBERTA = Family(
    name="RoBERTa",
    model_types=("roberta", "xlm-roberta", "camembert"),
    read_config=_read_config,
    weights=_weights,
    tasks=_tasks,
    prefixes=("roberta.",),
    unused=(
        "embeddings.position_ids",
        "embeddings.token_type_ids",
        "pooler.dense.*",
        "lm_head.bias",
        "classifier.*",
        "qa_outputs.*",
    ),
    fit_config=_fit_config,
)
