"""The same model in another storage, with a word on what that cost."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from clearhead.errors import ConfigError
from clearhead.export.conversion import Conversion, convert
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.directions.languages import Languages
from tests.export.models import checkpoint_of


@pytest.fixture(scope="module")
def checkpoint():
    languages = Languages("en", "fr")
    return replace(
        checkpoint_of("PEGASUS"), provenance={"steps": 7}, languages=languages, registers=("tu",)
    )


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_it_is_read_as_it_was_stored(checkpoint, tmp_path, storage):
    conversion = convert(checkpoint, tmp_path / "first", storage)
    first = read_checkpoint(tmp_path / "first")
    assert first.config == checkpoint.config
    assert first.provenance["steps"] == 7
    assert (first.languages, first.registers) == (checkpoint.languages, ("tu",))
    assert first.tokenizer.to_json() == checkpoint.tokenizer.to_json()
    size = (tmp_path / "first" / "model.safetensors").stat().st_size
    assert conversion.bytes_after == size
    assert (conversion.bytes_before, conversion.storage) == (0, storage)
    again = convert(first, tmp_path / "second", "float32")
    assert again.bytes_before == size
    second = read_checkpoint(tmp_path / "second")
    for name, array in first.weights.items():
        np.testing.assert_array_equal(array, second.weights[name])


def test_the_error_is_that_of_the_worst_row(checkpoint, tmp_path):
    conversion = convert(checkpoint, tmp_path / "small", "int8")
    weights = read_checkpoint(tmp_path / "small").weights
    errors = {}
    for name, array in checkpoint.weights.items():
        if array.ndim == 2:
            lengths = np.linalg.norm(array.astype(np.float64), axis=1)
            row_errors = np.linalg.norm(weights[name] - array.astype(np.float64), axis=1) / lengths
            errors |= {f"{name}[{i}]": error for i, error in enumerate(row_errors)}
        else:
            np.testing.assert_array_equal(array, weights[name])
    assert conversion.facts["largest_row_error"] == pytest.approx(max(errors.values()), rel=1e-3)
    assert errors[conversion.facts["row"]] == pytest.approx(max(errors.values()), rel=1e-6)
    content = json.loads((tmp_path / "small" / "config.json").read_text())
    assert content["format"] == 2
    assert content["provenance"]["storage"] == dict(conversion.facts)


def test_an_earlier_storage_is_not_forgotten(checkpoint, tmp_path):
    small = convert(checkpoint, tmp_path / "small", "int8")
    convert(read_checkpoint(tmp_path / "small"), tmp_path / "wide", "float32")
    provenance = read_checkpoint(tmp_path / "wide").provenance
    assert provenance["storage"] == {"before": dict(small.facts)}
    tensors = load_file(tmp_path / "wide" / "model.safetensors")
    assert {str(array.dtype) for array in tensors.values()} == {"float32"}


def test_its_words():
    facts = {"largest_row_error": 0.0227, "row": "embedding.weight[1]"}
    assert str(Conversion("int8", 2000, 1020, facts)) == (
        "weights in int8: 1,020 bytes, 51% of 2,000 before; the largest error of a row is 2.27% "
        "of the row's length (embedding.weight[1])"
    )
    assert str(Conversion("float32", 0, 4000, {})) == "weights in float32: 4,000 bytes"


def test_nothing_is_left_of_what_cannot_be_stored(checkpoint, tmp_path):
    weights = {**checkpoint.weights, "decoder.norm.bias": np.full(16, 1e6, np.float32)}
    with pytest.raises(ConfigError, match=r"'decoder\.norm\.bias' holds 1e"):
        convert(replace(checkpoint, weights=weights), tmp_path / "half", "float16")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("")
    with pytest.raises(ConfigError, match="is there already"):
        convert(checkpoint, tmp_path / "there", "int8")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
