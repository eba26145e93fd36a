"""A model's folder is read whole, or refused in words that help."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from clearhead.errors import CheckpointError
from clearhead.translation import checkpoint as checkpoint_module
from clearhead.translation.checkpoint import bundled_models, read_checkpoint
from clearhead.translation.translator import Translator


def refused(folder) -> str:
    with pytest.raises(CheckpointError) as error:
        Translator.load(folder)
    return str(error.value)


def test_what_was_written_is_read(new_model):
    folder = new_model(dtype=np.float16)
    checkpoint = read_checkpoint(folder)
    stored = load_file(folder / "model.safetensors")
    assert set(checkpoint.weights) == set(stored)
    for name, array in checkpoint.weights.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, stored[name].astype(np.float32))
    assert checkpoint.provenance == {"seed": 0}
    assert checkpoint.config.d_model == 32
    assert checkpoint.tokenizer.vocab_size == checkpoint.config.vocab_size


def test_an_unknown_name_lists_the_known_ones(tmp_path, monkeypatch, new_model):
    monkeypatch.setattr(checkpoint_module, "_BUNDLED", tmp_path)
    new_model()  # its folder is tmp_path / "model"
    assert bundled_models() == ["model"]
    assert read_checkpoint("model").folder == tmp_path / "model"
    assert refused("klingon") == (
        "There is no model 'klingon': it is neither a bundled model (model) nor a folder."
    )


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(new_model, name):
    folder = new_model()
    (folder / name).unlink()
    assert f"lacks {name}. A model is a folder with config.json" in refused(folder)


def test_a_file_instead_of_a_folder(new_model):
    path = new_model() / "model.safetensors"
    assert "is a file. A model is a folder with" in refused(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights(new_model, share):
    path = new_model() / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "was not copied whole" in refused(path.parent)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_truncated_json(new_model, name):
    path = new_model() / name
    path.write_text(path.read_text()[:100])
    assert name in refused(path.parent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format=99), "has format 99; this version"),
        (lambda content: content.pop("model"), 'it has no "model"'),
        (lambda content: content["model"].update(heads=4), "Unknown model setting 'heads'"),
        (lambda content: content["model"].update(d_model="wide"), "config.json"),
        (lambda content: content["model"].update(vocab_size=300), "the model only 300"),
        (lambda content: content["model"].update(feed_forward_dim=96), "not those of its config"),
    ],
)
def test_a_config_that_does_not_fit(new_model, change, message):
    path = new_model() / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert message in refused(path.parent)


def test_an_encoder_alone_does_not_translate(new_model):
    assert "0 decoder layers" in refused(new_model(decoder_layers=0))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full(32, np.nan, np.float32), "values that are not finite numbers"),
        (np.ones(32, np.int64), "is of type int64; weights are float32, float16 or bfloat16"),
    ],
)
def test_weights_that_are_no_weights(new_model, array, message):
    path = new_model() / "model.safetensors"
    weights = load_file(path)
    weights["encoder.norm.weight"] = array
    save_file(weights, path)
    assert message in refused(path.parent)
