"""The bytes of a step are those of the weights that it reads."""

from __future__ import annotations

import dataclasses

from benchmarks.pretrained.folders import step_bytes
from clearhead.config import TransformerConfig

CONFIG = TransformerConfig(
    vocab_size=50, d_model=8, num_heads=2, encoder_layers=0, decoder_layers=1, feed_forward_dim=12
)


def test_a_decoder_alone_reads_its_layers_and_the_output_matrix():
    attention = 4 * (8 * 8 + 8)
    feed_forward = 2 * 8 * 12 + 12 + 8
    norms = 2 * 2 * 8 + 2 * 8 * (CONFIG.norm_place != "after")
    assert step_bytes(CONFIG) == 4 * (attention + feed_forward + norms + 50 * 8)


def test_with_an_encoder_its_layers_and_what_is_made_of_them_once_do_not_count():
    both = dataclasses.replace(CONFIG, encoder_layers=3)
    query_and_output, norm = 2 * (8 * 8 + 8), 2 * 8
    assert step_bytes(both) - step_bytes(CONFIG) == 4 * (query_and_output + norm)
    untied = dataclasses.replace(CONFIG, tied_embeddings=False)
    assert step_bytes(untied) == step_bytes(CONFIG)
