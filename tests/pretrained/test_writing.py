"""Trained weights go back to where they were read from, and nothing else of a folder is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.numpy import load_file, save_file  # noqa: E402

from clearhead.errors import ConfigError  # noqa: E402
from clearhead.pretrained.family import StoredWeight  # noqa: E402
from clearhead.pretrained.reading import read_pretrained  # noqa: E402
from clearhead.pretrained.writing import (  # noqa: E402
    check_storage,
    files_beside,
    trained_tensors,
    write_back,
    write_pretrained,
)
from tests.training.initial.families import random_model  # noqa: E402


def changed(source):
    rng = np.random.default_rng(0)
    return {
        name: (array + rng.normal(0, 0.1, array.shape)).astype(np.float32)
        for name, array in source.weights.items()
    }


@pytest.mark.parametrize("name", ["Marian", "GPT-2", "GPT-NeoX", "Gemma 2", "T5"])
def test_other_weights_are_read_again(tmp_path: Path, name: str) -> None:
    """Through transposed, fused, interleaved, shifted and scaled places."""
    random_model(name).save_pretrained(tmp_path / "before")
    source = read_pretrained(tmp_path / "before")
    weights = changed(source)
    (tmp_path / "after").mkdir()
    write_pretrained(tmp_path / "after", source, weights)
    again = read_pretrained(tmp_path / "after")
    assert again.config == source.config
    for key, array in weights.items():
        np.testing.assert_allclose(again.weights[key], array, rtol=1e-6, atol=1e-7, err_msg=key)


def test_the_same_weights_make_the_same_bytes(tmp_path: Path) -> None:
    random_model("T5").save_pretrained(tmp_path / "before")
    source = read_pretrained(tmp_path / "before")
    contents = set()
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_pretrained(folder, source, source.weights)
        contents.add((folder / "model.safetensors").read_bytes())
    assert len(contents) == 1


def test_files_beside_the_weights_are_copied(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    random_model("GPT-2").save_pretrained(before)
    (before / "chat_template.jinja").write_text("{{ messages }}")
    (before / "1_Pooling").mkdir()
    (before / "1_Pooling/config.json").write_text("{}")
    (before / "pytorch_model.bin").write_text("of old weights")
    source = read_pretrained(before)
    after.mkdir()
    write_pretrained(after, source, source.weights, storage="float16", settings={"answer": 42})
    names = {str(path.relative_to(after)) for path in after.rglob("*") if path.is_file()}
    assert names == {
        *("config.json", "generation_config.json", "model.safetensors", "chat_template.jinja"),
        "1_Pooling/config.json",
    }
    config = json.loads((after / "config.json").read_text())
    assert (config["dtype"], config["answer"], config["n_embd"]) == ("float16", 42, 24)
    assert "torch_dtype" not in config
    assert {x.dtype.name for x in load_file(after / "model.safetensors").values()} == {"float16"}
    assert before / "config.json" not in files_beside(before)


def test_a_copy_of_a_weight_follows_it_and_other_tensors_stay(tmp_path: Path) -> None:
    random_model("BART").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    shared = next(name for name in tensors if name.endswith("shared.weight"))
    prefix = shared.removesuffix("shared.weight")
    tensors |= {
        f"{prefix}{side}.embed_tokens.weight": tensors[shared].copy()
        for side in ("encoder", "decoder")
    }
    tensors[f"{prefix}encoder.version"] = np.array([3.0], np.float32)
    save_file(tensors, path, {"format": "pt"})
    source = read_pretrained(tmp_path)
    weights = {name: array + np.float32(1) for name, array in source.weights.items()}
    content = trained_tensors(source, weights)
    assert content.keys() == tensors.keys()
    np.testing.assert_array_equal(content[shared], tensors[shared].astype(np.float32) + 1)
    assert content[f"{prefix}encoder.version"].tolist() == [3.0]


def test_a_change_that_moves_numbers_is_undone_by_their_places() -> None:
    array = np.zeros((4, 3), np.float32)
    place = StoredWeight("x", transposed=True, rows=slice(1, 3), change=lambda part: part[::-1])
    weight = np.arange(8, dtype=np.float32).reshape(2, 4)
    write_back(array, place, weight)
    np.testing.assert_array_equal(array.T[1:3][::-1], weight)
    assert not array[:, 0].any()
    write_back(array, StoredWeight("x", restore=lambda weight: weight - 1), np.ones((4, 3)))
    assert not array.any()


def test_a_storage_of_ours_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match="float32 or float16, and 'int8' is a storage"):
        check_storage("int8")
