"""M2M100 and NLLB-200 (Fan et al. 2020, arXiv 2010.11125; NLLB Team 2022, arXiv 2207.04672).

Norms before each sublayer and at the end of each stack; ReLU; scaled embeddings; no bias of the
logits. The sinusoidal positions are those of fairseq: all sines, then all cosines, with a slowest
wavelength of 2 pi 10000. Positions start after the padding id and skip padding, which has no
position. The decoder starts from the end token, and its first output is the language token.

``max_position_embeddings`` is the longest text that a model was trained on, and the limit here.
transformers extends the table for longer texts.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...json_fields import Fields
from ._layout import TABLES, Defaults, family, read_settings, tied

_DEFAULTS = Defaults(
    vocab_size=128112,
    activation="relu",
    scale_embedding=True,
    pad_id=1,
    end_id=2,
    start_id=2,
    old={"normalize_before": True, "normalize_embedding": False, "add_final_layer_norm": True},
    attention_dropout=0.1,
)


def _read_config(fields: Fields) -> TransformerConfig:
    settings = read_settings(fields, "M2M100", _DEFAULTS)
    return TransformerConfig(
        **settings,
        norm_place="before",
        positions="sinusoidal",
        embedding=EmbeddingConfig(
            position_offset=settings["pad_id"] + 1, skip_padding=True, sinusoid="halves_to_end"
        ),
        output=OutputConfig(tied=tied(fields)),
    )


M2M_100 = family("M2M100", "m2m_100", _read_config, TABLES)
