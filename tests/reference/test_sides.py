from __future__ import annotations

import numpy as np
import pytest

from clearhead.config_parts import PatchConfig
from clearhead.errors import ConfigError
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config

IMAGES = {
    "decoder_layers": 0, "tied_embeddings": False, "scale_embedding": False,
    "patches": PatchConfig(height=2, width=2, image_height=4, image_width=6, channels=1),
}  # fmt: skip


def _model(**changes: object) -> Transformer:
    config = small_config(**changes)
    return Transformer(config, random_weights(config))


def test_sides_are_checked():
    with pytest.raises(ConfigError, match="has 0 encoder layers and takes no source_ids"):
        _model(encoder_layers=0).forward(np.array([[1]]), np.array([[1]]))
    with pytest.raises(ConfigError, match="has 2 decoder layers and needs target_ids"):
        _model().forward(np.array([[1]]))
    with pytest.raises(ConfigError, match="has 2 encoder layers; its decoder needs encoded"):
        _model().decode(np.array([[1]]))
    with pytest.raises(ConfigError, match="encoder_layers=0"):
        _model(encoder_layers=0).encode(np.array([[1]]))


def test_a_decoder_alone_takes_no_encoded_source():
    encoded = _model().encode(np.array([[5, 2]]))
    with pytest.raises(ConfigError, match="has 0 encoder layers; its decoder takes no encoded"):
        _model(encoder_layers=0).decode(np.array([[1]]), encoded)


def test_images_and_ids_are_told_apart():
    images, ids, pixels = _model(**IMAGES), np.array([[1]]), np.zeros((1, 1, 4, 6))
    with pytest.raises(ConfigError, match="has 2 encoder layers and needs pixels"):
        images.encode(ids)
    with pytest.raises(ConfigError, match="reads images and takes no source_ids"):
        images.forward(ids, pixels=pixels)
    with pytest.raises(ConfigError, match="source's tokens, and there are none"):
        images.forward(pixels=pixels, token_types=ids)
    with pytest.raises(ConfigError, match="reads token ids and takes no pixels"):
        _model(decoder_layers=0).forward(ids, pixels=pixels)
    with pytest.raises(ConfigError, match="needs source_ids"):
        _model(decoder_layers=0).forward(pixels=pixels)
