"""Runs a model's encoder on token ids, all of which are real."""

from __future__ import annotations

import numpy as np

from ...reference.sides import Encoded
from ...reference.tracing.watcher import Watcher
from ...reference.transformer import Transformer
from ...shapes import Array


def encode(model: Transformer, ids: Array, watcher: Watcher) -> Encoded:
    """Run the encoder.

    A text of an encoder-only model has no padding, whatever its ids are. The source of a
    translation is masked as in the engine that decodes from it.

    Args:
        model: with an encoder.
        ids: Int["batch source_len"].
        watcher: sees every step.
    """
    mask = None if model.config.decoder_layers else np.ones(ids.shape, bool)
    return model.encode(ids, mask=mask, trace=watcher)
