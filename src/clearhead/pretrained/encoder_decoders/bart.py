"""BART (Lewis et al. 2019, arXiv 1910.13461).

The Transformer of Vaswani et al. 2017 with GELU, learned positions, and a norm after the
embeddings. The first two rows of the position table are unused. The head has a bias of the logits.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...json_fields import Fields
from ._layout import Defaults, family, read_settings, tied

_DEFAULTS = Defaults(
    vocab_size=50265,
    activation="gelu",
    scale_embedding=False,
    pad_id=1,
    end_id=2,
    start_id=2,
    old={
        "normalize_before": False,
        "normalize_embedding": True,
        "add_final_layer_norm": False,
        "static_position_embeddings": False,
        "extra_pos_embeddings": 2,
    },
)


def _read_config(fields: Fields) -> TransformerConfig:
    return TransformerConfig(
        **read_settings(fields, "BART", _DEFAULTS),
        norm_place="after",
        positions="learned",
        embedding=EmbeddingConfig(norm=True, position_offset=2),
        output=OutputConfig(tied=tied(fields), bias=True),
    )


BART = family("BART", "bart", _read_config)
