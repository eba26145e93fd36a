"""The finished model: the mean of the last states, in the dtype that was asked for."""

from __future__ import annotations

import json
import types

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file

from clearhead.config import TransformerConfig
from clearhead.training.run_folder.finish import export_average, statements
from clearhead.training.settings import Settings


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_mean_is_written_in_the_dtype(tmp_path, dtype):
    folder = export_mean(tmp_path, dtype)
    (origin,) = load_file(folder / "model.safetensors").values()
    assert origin.dtype == dtype
    assert np.array_equal(origin, np.full((2, 3), 2.5))
    assert '"steps": 2' in (folder / "config.json").read_text()


def test_the_mean_comes_before_8_bits(tmp_path):
    """Of 1 and 4 the mean is 2.5, whose rows are 127 times a scale, or nearly so."""
    folder = export_mean(tmp_path, "int8")
    tensors = load_file(folder / "model.safetensors")
    assert tensors["x.weight"].dtype == np.int8
    values = tensors["x.weight"] * tensors["x.weight.scale"][:, np.newaxis]
    np.testing.assert_allclose(values, 2.5, rtol=1e-6)
    content = json.loads((folder / "config.json").read_text())
    assert content["format"] == 2
    assert content["provenance"]["steps"] == 2
    storage = content["provenance"]["storage"]
    assert storage["matrices"] == "int8, with a float32 scale for each row"
    assert storage["largest_row_error"] < 1e-6


def settings_of(**data):
    corpus = {"path": "a.tsv", "held_out": True}
    return Settings.from_dict({"data": {"corpus": [corpus], "held_out_share": 0.1, **data}})


def test_the_model_states_its_languages_and_the_registers_of_its_tags():
    silent = types.SimpleNamespace(facts={"corpora": [{"pairs": 4}, {"tags": {}}]}, labels=())
    assert statements(settings_of(), silent) == {}
    facts = {"corpora": [{"tags": {"vous": 3}}, {"tags": {"tu": 1, "vous": 0}}, {}]}
    content = statements(
        settings_of(source_language="en", target_language="fr"),
        types.SimpleNamespace(facts=facts, labels=()),
    )
    assert content == {
        "languages": {"source": "en", "target": "fr"},
        "registers": ["tu", "vous"],
    }


def test_what_it_states_is_in_its_config(tmp_path):
    facts = {"languages": {"source": "en", "target": "fr"}, "registers": ["tu"]}
    content = json.loads((export_mean(tmp_path, "float16", facts) / "config.json").read_text())
    assert content | facts == content
    assert content["provenance"]["steps"] == 2


def export_mean(tmp_path, storage, facts=None):
    """The folder of the mean of two states: one of ones, one of fours."""
    states = []
    for number, value in enumerate((1.0, 4.0)):
        folder = tmp_path / f"step-{number:08d}"
        folder.mkdir()
        save_file({"x.weight": torch.full((2, 3), value)}, folder / "model.safetensors")
        states.append(folder)
    tokenizer = types.SimpleNamespace(to_json=lambda: "{}")
    data = types.SimpleNamespace(own_tokenizer=tokenizer, origin=None)
    config = TransformerConfig(vocab_size=300)
    export_average(tmp_path / "model", states, config, data, {"steps": 2}, storage=storage,
                   statements=facts)  # fmt: skip
    return tmp_path / "model"


def test_a_classifier_states_its_labels():
    data = types.SimpleNamespace(facts={}, labels=("no", "yes"))
    assert statements(settings_of(), data) == {"labels": ["no", "yes"]}
