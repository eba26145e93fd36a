"""PEGASUS (Zhang et al. 2019, arXiv 1912.08777), a summarisation model.

Norms before each sublayer and at the end of each stack; sinusoidal positions as in Marian; a bias
is added to the logits. The decoder starts from the padding token.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...json_fields import Fields
from ._layout import TABLES, Defaults, family, read_settings, tied

_DEFAULTS = Defaults(
    vocab_size=50265,
    activation="gelu",
    scale_embedding=False,
    pad_id=0,
    end_id=1,
    start_id=None,
    old={
        "normalize_before": True,
        "normalize_embedding": False,
        "add_final_layer_norm": True,
        "static_position_embeddings": True,
    },
)


def _read_config(fields: Fields) -> TransformerConfig:
    return TransformerConfig(
        **read_settings(fields, "PEGASUS", _DEFAULTS),
        norm_place="before",
        positions="sinusoidal",
        embedding=EmbeddingConfig(sinusoid="halves"),
        output=OutputConfig(tied=tied(fields), bias=True),
    )


PEGASUS = family("PEGASUS", "pegasus", _read_config, TABLES)
