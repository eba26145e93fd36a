"""Tokens that differ are told, with the input that gives them."""

from __future__ import annotations

import dataclasses

import pytest

from clearhead.export.huggingface import export_huggingface
from clearhead.export.verification import verify
from tests.export.models import checkpoint_of

for package in ("torch", "transformers"):
    pytest.importorskip(package)


def test_another_model_gives_other_tokens(tmp_path):
    checkpoint = checkpoint_of("GPT-2")
    export_huggingface(checkpoint, tmp_path / "model")
    name = "decoder.layers.1.feed_forward.down.weight"
    changed = {**checkpoint.weights, name: -checkpoint.weights[name]}
    other = dataclasses.replace(checkpoint, weights=changed)
    result = verify(other, tmp_path / "model", "huggingface", inputs=5, length=6)
    assert result.equal < 5
    assert result.difference is not None
    ids, there, here = result.difference
    assert ids[0] == checkpoint.config.start_id
    assert there != here
    assert str(result) == f"{result.equal} of 5 inputs give the same tokens there and here"
