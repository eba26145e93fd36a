"""mBART and mBART-50 (Liu et al. 2020, arXiv 2001.08210; Tang et al. 2020, arXiv 2008.00401).

BART with norms before each sublayer, and one more at the end of each stack. A text begins or ends
with the token of its language. A config without ``decoder_start_token_id`` leaves the choice of
language to the caller; ``start_id`` is then the beginning-of-text token, as in transformers.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...json_fields import Fields
from ..config_fields import token
from ._layout import Defaults, family, read_settings, tied


def _read_config(fields: Fields) -> TransformerConfig:
    begin = "bos_token_id"
    no_begin = begin in fields.names() and not fields.has(begin)
    defaults = Defaults(
        vocab_size=50265,
        activation="gelu",
        scale_embedding=False,
        pad_id=1,
        end_id=2,
        start_id=None if no_begin else token(fields, begin, 0),
        old={
            "normalize_before": True,
            "normalize_embedding": True,
            "add_final_layer_norm": True,
            "static_position_embeddings": False,
            "extra_pos_embeddings": 2,
        },
    )
    return TransformerConfig(
        **read_settings(fields, "mBART", defaults),
        norm_place="before",
        positions="learned",
        embedding=EmbeddingConfig(norm=True, position_offset=2),
        output=OutputConfig(tied=tied(fields), bias=True),
    )


MBART = family("mBART", "mbart", _read_config)
