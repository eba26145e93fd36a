"""PyTorch finds targets as likely as the reference does."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config import TransformerConfig
from clearhead.reference.transformer import Transformer
from clearhead.reference.weights import expected_shapes
from clearhead.text.batches import make_batch
from clearhead.training.likelihood import TargetLikelihood

CONFIG = TransformerConfig(
    vocab_size=40, d_model=16, num_heads=2, feed_forward_dim=16, encoder_layers=1,
    decoder_layers=1, max_length=12,
)  # fmt: skip


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.3)])
def test_it_is_the_reference(precision: str, tolerance: float) -> None:
    generator = np.random.default_rng(2)
    shapes = expected_shapes(CONFIG).items()
    weights = {name: generator.normal(size=shape, scale=0.5) for name, shape in shapes}
    weights = {name: weight.astype(np.float32) for name, weight in weights.items()}
    batch = make_batch([[5, 6, 7], [8]], [[9, 10], [11, 12, 13, 14]])
    rows = Transformer(CONFIG, weights).log_probabilities(batch.source, batch.target_input)
    expected = np.take_along_axis(rows, batch.target_output[..., None], axis=-1)[..., 0]
    result = TargetLikelihood(CONFIG, weights, precision)(batch)
    is_real = batch.target_output != 0
    np.testing.assert_allclose(result[is_real], expected[is_real], atol=tolerance)
    assert (np.abs(result - expected)[is_real].max() > 1e-4) == (precision == "bfloat16")
