from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config


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
