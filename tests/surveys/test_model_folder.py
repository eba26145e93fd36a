"""What is no folder of a transformers model is refused before transformers reads it."""

from __future__ import annotations

import json
import os

import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.surveys.model_folder import check_folder


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="There is no folder"):
        check_folder(str(tmp_path / "none"))
    with pytest.raises(CheckpointError, match=r"it has no config\.json"):
        check_folder(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"format": 1, "model": {}}))
    with pytest.raises(ConfigError, match="is a model of clearhead's own"):
        check_folder(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    check_folder(str(tmp_path))
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="is no regular file"):
        check_folder(str(tmp_path))
    check_folder("gpt2")
