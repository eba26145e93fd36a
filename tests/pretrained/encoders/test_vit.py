"""ViT is refused with a sentence, and not as an unknown type."""

from __future__ import annotations

import json

import pytest

from clearhead.errors import CheckpointError
from clearhead.pretrained.reading import read_pretrained


def test_a_model_of_images_is_refused_with_a_sentence(tmp_path):
    config = {"model_type": "vit", "hidden_size": 8, "image_size": 16, "patch_size": 4}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="ViT reads images, and the models here read token"):
        read_pretrained(tmp_path)
