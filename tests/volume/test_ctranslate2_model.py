"""What is written for CTranslate2 computes our numbers, and what it cannot compute is refused."""

from __future__ import annotations

import pytest

from clearhead.config import TransformerConfig
from clearhead.config_parts import AttentionConfig, DecoderConfig, EmbeddingConfig, OutputConfig
from clearhead.errors import ConfigError
from clearhead.search.search import search
from clearhead.volume.ctranslate2_model import check_config, write_model
from clearhead.volume.verification import verify
from tests.volume.conftest import vocabulary_of

VARIANTS = {
    "as the bundled model": {"tied_embeddings": True},
    "norms after": {"norm_place": "after", "activation": "gelu"},
    "gated, no biases": {"activation": "swiglu", "norm": "rms", "bias": False},
    "learned positions": {"positions": "learned", "activation": "gelu_tanh"},
    "no positions": {"positions": "none", "scale_embedding": False, "norm_epsilon": 1e-3},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_it_computes_our_numbers(name, make_checkpoint, tmp_path):
    pytest.importorskip("ctranslate2")
    checkpoint = make_checkpoint(**VARIANTS[name])
    vocabulary, engine = vocabulary_of(checkpoint), checkpoint.engine()

    def own_search(sources, settings, prefixes):
        return search(engine, sources, settings, prefixes=prefixes)

    write_model(checkpoint.config, checkpoint.weights, vocabulary.pieces, tmp_path)
    result = verify(tmp_path, checkpoint.config, vocabulary, "float32", own_search)
    assert result["sources"] == 12
    assert 0 < result["largest difference of a token"] < 1e-4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positions": "rotary"}, "positions is 'rotary'"),
        ({"norm_place": "both"}, "norm_place is 'both'"),
        ({"num_kv_heads": 1}, "num_kv_heads is 1"),
        ({"encoder_layers": 0}, "it has 0 encoder and 2 decoder layers"),
        ({"attention": AttentionConfig(head_norm=True)}, "attention is AttentionConfig"),
        ({"embedding": EmbeddingConfig(norm=True)}, "embedding is EmbeddingConfig"),
        ({"decoder": DecoderConfig(num_heads=2)}, "decoder is DecoderConfig"),
        ({"output": OutputConfig(softcap=3.0)}, "output is OutputConfig"),
    ],
)
def test_what_it_cannot_compute_is_named(changes, words):
    config = TransformerConfig(vocab_size=50, **changes)
    with pytest.raises(ConfigError, match=words) as error:
        check_config(config)
    assert "Translate with the engine numpy or torch." in str(error.value)
