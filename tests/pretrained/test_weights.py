"""Our weights out of the tensors of a file: what each becomes, and what does not fit."""

from __future__ import annotations

import dataclasses

import ml_dtypes
import numpy as np
import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.pretrained.config_file import read_config, read_settings
from clearhead.pretrained.weight_files import open_weights
from clearhead.pretrained.weights import (
    all_finite,
    fit_config,
    float_type,
    listed,
    read_weights,
    tensors_of,
)
from clearhead.reference.weights import expected_shapes
from tests.pretrained import small_family
from tests.pretrained.small_family import SMALL, WIDTH

EXACT = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    small_family.use(monkeypatch)


def read(folder, dtype="float32", family=SMALL):
    settings = read_settings(folder)
    _, config = read_config(folder, settings)
    with open_weights(folder) as files:
        tensors = tensors_of(folder, files, family)
        config = fit_config(family, config, tensors)
        return read_weights(family, config, tensors, float_type(dtype), settings)


def refusal(folder, family=SMALL):
    with pytest.raises(CheckpointError) as error_info:
        read(folder, family=family)
    message = str(error_info.value)
    assert message.isprintable()
    assert str(folder) in message
    return message


@pytest.mark.parametrize("prefix", ["", "model."])
def test_each_weight_is_its_place_in_the_files(tmp_path, prefix):
    arrays = small_family.tensors(prefix=prefix)
    small_family.write(tmp_path, arrays)
    weights = read(tmp_path)
    config = read_config(tmp_path, read_settings(tmp_path))[1]
    assert {name: weight.shape for name, weight in weights.items()} == expected_shapes(config)
    fused = arrays[f"{prefix}layer1.fused"]
    key = weights["decoder.layers.1.self_attention.key.weight"]
    np.testing.assert_array_equal(key, fused[:, WIDTH : 2 * WIDTH].T)
    np.testing.assert_array_equal(weights["decoder.norm.weight"], 1 + arrays[f"{prefix}norm"])
    np.testing.assert_array_equal(weights["embedding.weight"], arrays[f"{prefix}words"])


def test_weights_of_the_dtype_that_computes_are_views_of_the_file(tmp_path):
    small_family.write(tmp_path)
    weights = read(tmp_path)
    copies = {name for name, weight in weights.items() if weight.flags.writeable}
    assert copies == {"decoder.norm.weight"}  # 1 + weight
    with pytest.raises(ValueError, match="read-only"):
        weights["embedding.weight"][0] = 1


@pytest.mark.parametrize("stored", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_type_of_floats_is_read_in_the_one_that_computes(tmp_path, stored, dtype):
    arrays = small_family.tensors(dtype=EXACT.get(stored, stored))
    small_family.write(tmp_path, arrays)
    weights = read(tmp_path, dtype)
    for name, tensor in (("embedding.weight", "words"), ("decoder.norm.weight", "norm")):
        right = arrays[f"model.{tensor}"].astype(dtype) + (name != "embedding.weight")
        assert weights[name].dtype == dtype
        np.testing.assert_array_equal(weights[name], right)


def test_the_three_weights_of_one_tensor_share_its_numbers(tmp_path):
    small_family.write(tmp_path, small_family.tensors(dtype=np.float16))
    weights = read(tmp_path)
    parts = [weights[f"decoder.layers.0.self_attention.{p}.weight"] for p in ("query", "value")]
    assert parts[0].base is parts[1].base


def changed(folder, **changes):
    """Write the model with tensors changed; None leaves one out."""
    arrays = small_family.tensors() | {f"model.{name}": value for name, value in changes.items()}
    arrays = {name: value for name, value in arrays.items() if value is not None}
    return small_family.write(folder, arrays)


def test_missing_weights_are_named(tmp_path):
    changed(tmp_path, **{"layer0.fused": None, "words": None})
    assert "lack weights of Small with this config.json: 'layer0.fused', 'words'" in refusal(
        tmp_path
    )


def test_at_most_eight_names_are_listed(tmp_path):
    changed(tmp_path, **{f"extra{i:02}": np.ones(1, np.float32) for i in range(11)})
    message = refusal(tmp_path)
    assert "'extra07' and 3 more" in message
    assert "extra08" not in message
    assert listed("abc") == "a, b, c"


def test_a_surplus_tensor_is_named_and_a_known_one_is_not(tmp_path):
    changed(tmp_path, head=np.ones(3, np.float32))
    read(tmp_path)
    changed(tmp_path, adapter=np.ones(3, np.float32))
    assert "has no place for: 'adapter'" in refusal(tmp_path)


def test_a_wrong_shape_is_named_with_both(tmp_path):
    changed(tmp_path, words=np.ones((21, 8), np.float32))
    assert (
        "model.words is (21, 8), which gives embedding.weight (21, 8); by config.json it should "
        "be (20, 8)"
    ) in refusal(tmp_path)


def test_rows_that_no_weight_takes_are_not_dropped(tmp_path):
    changed(tmp_path, **{"layer0.fused": np.ones((8, 26), np.float32)})
    assert "of the 26 rows of layer0.fused 2 belong to none of" in refusal(tmp_path)
    changed(tmp_path, **{"layer0.fused": np.ones((8, 23), np.float32)})
    assert "which gives decoder.layers.0.self_attention.value.weight (7, 8)" in refusal(tmp_path)


def test_a_change_that_fails_on_a_shape_is_a_wrong_shape(tmp_path):
    def places(config, shapes):
        norm = dataclasses.replace(
            small_family.weights(config, shapes)["decoder.norm.weight"],
            change=lambda weight: weight.reshape(5, 5)[0],
        )
        return small_family.weights(config, shapes) | {"decoder.norm.weight": norm}

    small_family.write(tmp_path)
    message = refusal(tmp_path, dataclasses.replace(SMALL, weights=places))
    assert "model.norm is (8,), which gives decoder.norm.weight nothing that fits" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_weight_that_is_no_number_is_named(tmp_path, value, dtype):
    arrays = small_family.tensors(dtype=dtype)
    arrays["model.layer1.feed_forward.up"][3, 5] = value
    small_family.write(tmp_path, arrays)
    assert "'model.layer1.feed_forward.up' holds NaN or infinity in float32" in refusal(tmp_path)


def test_a_number_too_large_for_float32_is_infinite_there(tmp_path):
    arrays = small_family.tensors(dtype=np.float64)
    arrays["model.norm"][0] = 1e300
    small_family.write(tmp_path, arrays)
    assert "holds NaN or infinity in float32" in refusal(tmp_path)
    assert read(tmp_path, "float64")["decoder.norm.weight"][0] == 1e300


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_is_noticed_in_any_block(bad):
    for place in (0, 1 << 20, (1 << 20) + 3, (1 << 21) + 4):
        array = np.zeros((1 << 21) + 5, np.float32)
        assert all_finite(array)
        array[place] = bad
        assert not all_finite(array)


def test_large_numbers_are_finite():
    assert all_finite(np.full(100, 3e38, np.float32))
    assert not all_finite(np.array([np.inf, -np.inf], np.float32))
    assert all_finite(np.zeros((0, 3), np.float32))


@pytest.mark.parametrize("dtype", [np.int32, np.bool_, np.int8])
def test_other_types_are_refused(tmp_path, dtype):
    changed(tmp_path, norm=np.ones(8, dtype))
    assert f"is of type {np.dtype(dtype).name}" in refusal(tmp_path)


def test_a_tensor_that_is_not_used_may_be_of_any_type(tmp_path):
    changed(tmp_path, **{"layer0.mask": np.ones((3, 3), np.bool_)})
    assert len(read(tmp_path)) == 2 + 8 * 2


def test_a_name_with_and_without_the_prefix_is_refused(tmp_path):
    changed(tmp_path)
    arrays = small_family.tensors() | {"norm": np.ones(8, np.float32)}
    small_family.write(tmp_path, arrays)
    with pytest.raises(CheckpointError, match="with and without its prefix"):
        read(tmp_path)


def test_a_config_of_many_layers_takes_no_time(tmp_path):
    small_family.write(tmp_path, layers=10**9)
    assert "asks for 1,000,000,000 layers, and its files hold 16 tensors" in refusal(tmp_path)


def test_a_family_may_fit_its_config_to_the_tensors(tmp_path):
    small_family.write(tmp_path)

    def fit(config, shapes):
        return config.replace(vocab_size=shapes["words"][0])

    (tmp_path / "config.json").write_text(
        (tmp_path / "config.json").read_text().replace('"vocab_size": 20', '"vocab_size": 21')
    )
    assert "should be (21, 8)" in refusal(tmp_path)
    read(tmp_path, family=dataclasses.replace(SMALL, fit_config=fit))


def test_a_family_may_fold_a_factor_of_its_config_into_weights(tmp_path):
    small_family.write(tmp_path, factor=2)

    def fold(fields, places):
        name, factor = "decoder.layers.0.self_attention.query.weight", fields.integer("factor")
        place = dataclasses.replace(places[name], change=lambda weight: weight * factor)
        return {**places, name: place}

    name = "decoder.layers.0.self_attention.query.weight"
    folding = read(tmp_path, family=dataclasses.replace(SMALL, fold=fold))
    np.testing.assert_array_equal(folding[name], 2 * read(tmp_path)[name])
    small_family.write(tmp_path, factor="2")
    message = refusal(tmp_path, dataclasses.replace(SMALL, fold=fold))
    assert "config.json: 'factor' of config.json is a text, not a whole number" in message


def test_what_a_family_refuses_or_misses_is_of_the_folder(tmp_path):
    small_family.write(tmp_path)

    def refuse(config, shapes):
        raise ConfigError("no such tensors")

    def miss(config, shapes):
        return shapes["pooler"]

    family = dataclasses.replace(SMALL, fit_config=refuse)
    assert "config.json: no such tensors" in refusal(tmp_path, family)
    for changes in ({"fit_config": miss}, {"weights": miss}):
        family = dataclasses.replace(SMALL, **changes)
        assert "lack weights of Small with this config.json: 'pooler'" in refusal(tmp_path, family)


def test_a_family_that_misses_a_weight_of_its_config_is_refused(tmp_path):
    small_family.write(tmp_path)
    family = dataclasses.replace(SMALL, weights=lambda config, shapes: {})
    assert "it is not clear where" in refusal(tmp_path, family)


@pytest.mark.parametrize("dtype", ["float16", "int32", "nothing", None, 3])
def test_only_float32_and_float64_compute(dtype):
    assert float_type(np.float64) == float_type("float64") == np.float64
    with pytest.raises(CheckpointError, match="float32 or float64; it is"):
        float_type(dtype)
