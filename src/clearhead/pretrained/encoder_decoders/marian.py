"""Marian, the models of OPUS-MT (Junczys-Dowmunt et al. 2018, arXiv 1804.00344).

The Transformer of Vaswani et al. 2017, mostly with SiLU, which the configs call "swish". Sinusoidal
positions have all sines in the first half of the columns and all cosines in the second. A bias is
added to the logits. The decoder starts from the padding token, which it must never generate.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...config_parts import EmbeddingConfig, OutputConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ..config_fields import flag
from ._layout import TABLES, Defaults, family, read_settings, tied

_DEFAULTS = Defaults(
    vocab_size=58101,
    activation="gelu",
    scale_embedding=False,
    pad_id=58100,
    end_id=0,
    start_id=None,
    old={
        "normalize_before": False,
        "normalize_embedding": False,
        "add_final_layer_norm": False,
        "static_position_embeddings": True,
    },
)


def _read_config(fields: Fields) -> TransformerConfig:
    settings = read_settings(fields, "Marian", _DEFAULTS)
    shared = flag(fields, "share_encoder_decoder_embeddings", True)
    if not shared:
        _check_vocabularies(fields, settings["vocab_size"])
    return TransformerConfig(
        **settings,
        norm_place="after",
        positions="sinusoidal",
        tied_embeddings=shared,
        embedding=EmbeddingConfig(sinusoid="halves"),
        output=OutputConfig(tied=tied(fields) if shared else tied(fields) is None, bias=True),
    )


def _check_vocabularies(fields: Fields, vocab_size: int) -> None:
    """Refuse a target vocabulary of another size than the source's."""
    target = "decoder_vocab_size"
    if fields.has(target) and fields.integer(target, least=0) not in (0, vocab_size):
        raise ConfigError(
            f"'{target}' of {fields.name} is {fields.integer(target)} and 'vocab_size' is "
            f"{vocab_size}; with share_encoder_decoder_embeddings=false, source and target are "
            f"read where they have the same number of tokens. Pad the smaller one."
        )


MARIAN = family("Marian", "marian", _read_config, TABLES)
