"""Our weights in MarianMTModel compute the same function."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.marian import marian_config, marian_model
from benchmarks.translation.systems import random_weights
from clearhead.config import TransformerConfig
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.errors import ConfigError

CONFIG = TransformerConfig(
    vocab_size=50,
    d_model=16,
    num_heads=2,
    encoder_layers=2,
    decoder_layers=2,
    feed_forward_dim=24,
    norm_place="after",
    max_length=40,
)


@pytest.mark.slow
def test_marian_with_our_weights_gives_our_logits():
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    weights = random_weights(CONFIG)
    rng = np.random.default_rng(0)
    source, target = rng.integers(3, CONFIG.vocab_size, (2, 3, 6))
    ours = ReferenceEngine.build(CONFIG, weights).model.forward(source, target)
    with torch.no_grad():
        theirs = marian_model(CONFIG, weights)(
            input_ids=torch.from_numpy(source), decoder_input_ids=torch.from_numpy(target)
        ).logits.numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_marian_has_no_model_with_norms_before():
    pytest.importorskip("transformers")
    with pytest.raises(ConfigError, match=r"layer norms after each sublayer.*got before, layer"):
        marian_config(CONFIG.replace(norm_place="before"))
