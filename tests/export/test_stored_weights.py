"""Weights written as a family stores them are read as the same model, here by our own reader."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.export.huggingface import export_huggingface
from clearhead.export.stored_weights import halved_sinusoids
from clearhead.pretrained.reading import read_pretrained
from clearhead.reference.transformer import Transformer
from tests.export.models import FAMILIES, checkpoint_of
from tests.reference.models import random_ids


@pytest.mark.parametrize("name", FAMILIES)
def test_logits_are_the_same_after_reading(name, tmp_path):
    checkpoint = checkpoint_of(name)
    export_huggingface(checkpoint, tmp_path / "model")
    again = read_pretrained(tmp_path / "model", dtype="float64")
    rng = np.random.default_rng(0)
    target = random_ids(rng, checkpoint.config, 2, 5)
    source = random_ids(rng, checkpoint.config, 2, 7) if checkpoint.config.encoder_layers else None
    expected = Transformer(checkpoint.config, checkpoint.weights).forward(source, target)
    logits = Transformer(again.config, again.weights).forward(source, target)
    # Sinusoids in halves are stored, and so read, in float32.
    np.testing.assert_allclose(
        logits, expected, atol=1e-5 if checkpoint.config.encoder_layers else 1e-10
    )


def test_models_without_alternating_sinusoids_keep_the_order_of_their_stream():
    checkpoint = checkpoint_of("Llama")
    weights = halved_sinusoids(checkpoint.config, checkpoint.weights)
    assert all(weights[name] is array for name, array in checkpoint.weights.items())
