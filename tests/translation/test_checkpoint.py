"""A model's folder is read whole, or refused in words that help."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

from clearhead.errors import CheckpointError
from clearhead.export.conversion import convert
from clearhead.translation.checkpoint import bundled_models, read_checkpoint
from clearhead.translation.directions import discovery
from clearhead.translation.translator import Translator
from clearhead.weight_storage.weight_file import store
from tests.processor_time import at_most_processor_seconds
from tests.strangers import SPOILT, edits, refusal, split, spoilt, tensor_bytes
from tests.translation.conftest import write_classifier


def error_of(folder) -> str:
    with pytest.raises(CheckpointError) as error:
        Translator.load(folder)
    return str(error.value)


def test_what_was_written_is_read(new_model):
    folder = new_model(dtype=np.float16)
    checkpoint = read_checkpoint(folder)
    arrays = load_file(folder / "model.safetensors")
    assert set(checkpoint.weights) == set(arrays)
    for name, array in checkpoint.weights.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, arrays[name].astype(np.float32))
    assert checkpoint.provenance == {"seed": 0}
    assert checkpoint.config.d_model == 32
    assert checkpoint.tokenizer.vocab_size == checkpoint.config.vocab_size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_its_engine_runs_its_weights(new_model, dtype):
    checkpoint = read_checkpoint(new_model())
    engine = checkpoint.engine(dtype)
    assert engine.vocab_size == checkpoint.config.vocab_size
    assert {array.dtype for array in engine.model.weights.values()} == {np.dtype(dtype)}
    assert engine.begin([[5, 2]]).advance(np.array([1]), np.array([0])).dtype == dtype


def test_an_engine_of_other_weights_than_the_configs_is_refused(new_model):
    checkpoint = read_checkpoint(new_model())
    weights = {name: array for name, array in checkpoint.weights.items() if "norm" not in name}
    with pytest.raises(CheckpointError, match=r"are not those of its config\.json\. .*missing"):
        replace(checkpoint, weights=weights).engine()


def test_an_unknown_name_lists_the_known_ones(tmp_path, monkeypatch, new_model):
    monkeypatch.setattr(discovery, "_BUNDLED", tmp_path)
    new_model()  # its folder is tmp_path / "model"
    assert bundled_models() == ["model"]
    assert read_checkpoint("model").folder == tmp_path / "model"
    assert error_of("klingon") == (
        "There is no model 'klingon': it is neither a bundled model (model) nor a folder, "
        "nor a name on the hub, which has the form org/name."
    )


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(new_model, name):
    folder = new_model()
    (folder / name).unlink()
    assert f"lacks {name}. A model is a folder with config.json" in error_of(folder)


def test_a_file_instead_of_a_folder(new_model):
    path = new_model() / "model.safetensors"
    assert "is a file. A model is a folder with" in error_of(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights(new_model, share):
    path = new_model() / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "was not copied whole" in error_of(path.parent)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_truncated_json(new_model, name):
    path = new_model() / name
    path.write_text(path.read_text()[:100])
    assert name in error_of(path.parent)


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
    assert message in error_of(path.parent)


def test_an_encoder_alone_does_not_translate(new_model):
    assert "0 decoder layers" in error_of(new_model(decoder_layers=0))


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
    assert message in error_of(path.parent)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file_is_named(new_model, name, how):
    with spoilt(new_model() / name, how) as path:
        message = error_of(path.parent)
    assert name in message
    assert "\n" not in message


def with_config(folder, change):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder_layers": 10**9}, "are not those of its config.json"),
        ({"decoder_layers": 10**15}, "are not those of its config.json"),
        ({"encoder_layers": 10**9, "decoder_layers": 10**9}, "are not those of its config.json"),
        ({"d_model": 1 << 40}, "are not those of its config.json"),
        ({"feed_forward_dim": 10**12}, "are not those of its config.json"),
        ({"vocab_size": 10**12}, "are not those of its config.json"),
        ({"max_length": 10**6}, "a max_length of 1000000 would take a table of 32,000,000 numbers"),
        ({"max_length": 10**15}, "Set max_length to the longest text"),
        ({"max_length": 10**9, "positions": "rotary"}, "a table of 8,000,000,000 numbers"),
        ({"max_length": 10**9, "positions": "learned"}, "are not those of its config.json"),
        ({"relative_buckets": 10**12, "positions": "relative", "relative_max_distance": 10**13},
         "are not those of its config.json"),
    ],
)  # fmt: skip
def test_a_config_takes_no_memory_that_its_weights_do_not_fill(new_model, changes, words):
    folder = with_config(new_model(), lambda content: content["model"].update(changes))
    tracemalloc.start()
    with at_most_processor_seconds(60):
        message = error_of(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert words in message
    assert len(message) < 2000
    assert peak < 32 << 20


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "alibi", "none"])
def test_long_texts_are_for_models_that_have_few_weights_too(new_model, positions):
    folder = new_model(positions=positions, max_length=1 << 14)
    assert read_checkpoint(folder).config.max_length == 1 << 14


def test_every_member_of_the_config_replaced_by_values_of_every_type(new_model):
    """It is a checkpoint whose model can be made, or one error in one line."""
    folder = new_model()
    content = json.loads((folder / "config.json").read_text())
    content["provenance"] = {"settings": {"data": {"max_tokens": 100}}}
    refusals = 0
    for _, changed in edits(content):
        (folder / "config.json").write_text(json.dumps(changed))
        refusals += refusal(CheckpointError, lambda: Translator.load(folder)) is not None
    assert refusals > 250


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_weights_of_each_type_become_float32(new_model, kind):
    path = new_model() / "model.safetensors"
    arrays = {name: torch.from_numpy(array).to(kind) for name, array in load_file(path).items()}
    save_torch(arrays, path)
    for name, array in read_checkpoint(path.parent).weights.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, arrays[name].float().numpy())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (torch.float8_e4m3fn, "float8_e4m3fn"),
        (torch.float8_e5m2, "float8_e5m2"),
        (torch.float64, "float64"),
        (torch.bool, "bool"),
        (torch.complex64, "complex64"),
    ],
)
def test_weights_of_other_types_are_named(new_model, kind, name):
    path = new_model() / "model.safetensors"
    arrays = {key: torch.from_numpy(array) for key, array in load_file(path).items()}
    arrays["encoder.norm.weight"] = torch.ones(32).to(kind)
    save_torch(arrays, path)
    assert error_of(path.parent).endswith(
        f"encoder.norm.weight is of type {name}; weights are float32, float16 or bfloat16. Convert "
        f"them to one of these."
    )


def test_weights_of_float4_are_named(new_model):
    path = new_model() / "model.safetensors"
    header, numbers = split(path.read_bytes())
    entry = header["encoder.norm.weight"]
    begin, end = entry["data_offsets"]
    for other in header.values():
        if other["data_offsets"][0] >= end:
            other["data_offsets"] = [place - (end - begin) + 16 for place in other["data_offsets"]]
    entry |= {"dtype": "F4", "data_offsets": [begin, begin + 16]}
    path.write_bytes(tensor_bytes(header, numbers[: begin + 16] + numbers[end:]))
    assert "encoder.norm.weight is of type float4_e2m1; weights are" in error_of(path.parent)


@pytest.fixture
def quantized_model(new_model):
    """The folder of a model in 8 bits."""
    folder = new_model()
    content = store(read_checkpoint(folder).weights, "int8")
    save_file(dict(content.tensors), folder / "model.safetensors")
    return with_config(folder, lambda description: description.update(format=content.format))


def test_weights_in_8_bits_are_whole_numbers_times_scales(quantized_model):
    checkpoint = read_checkpoint(quantized_model)
    tensors = load_file(quantized_model / "model.safetensors")
    matrices = 0
    for name, array in checkpoint.weights.items():
        assert array.dtype == np.float32
        expected = tensors[name]
        if array.ndim == 2:
            matrices += 1
            assert expected.dtype == np.int8
            expected = expected * tensors[f"{name}.scale"][:, np.newaxis]
        np.testing.assert_array_equal(array, expected)
    assert len(tensors) == len(checkpoint.weights) + matrices
    assert checkpoint.engine().vocab_size == checkpoint.config.vocab_size


NAME = "encoder.layers.0.feed_forward.up.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(f"{NAME}.scale"), f"'{NAME}' is of type int8 and has no scales: '{NAME}."),
        (lambda t: t.update({f"{NAME}.scale": np.ones(3, np.float32)}), "shape (3,); the scale"),
        (lambda t: t.update({f"{NAME}.scale": np.full(48, np.nan, np.float32)}), "the scale nan"),
        (lambda t: t.update({f"{NAME}.scale": np.full(48, -1, np.float32)}), "scale -1 for row 0"),
        (lambda t: t.update({NAME: np.ones((48, 32), np.float32)}), f"unexpected: {NAME}.scale"),
        (lambda t: t.update({NAME: np.ones((48, 31), np.int8)}), f"{NAME} is (48, 31) and"),
        (lambda t: t.update({"encoder.norm.weight": np.ones(32, np.int8)}), "are matrices alone"),
    ],
)  # fmt: skip
def test_damaged_weights_in_8_bits(quantized_model, change, words):
    path = quantized_model / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    assert words in error_of(quantized_model)


def test_8_bits_in_a_folder_that_does_not_announce_them(quantized_model):
    with_config(quantized_model, lambda description: description.update(format=1))
    assert "is of type int8, and config.json says format 1" in error_of(quantized_model)


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file_of_8_bits_is_named(quantized_model, how):
    with spoilt(quantized_model / "model.safetensors", how) as path:
        assert "model.safetensors" in error_of(path.parent)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop("encoder.norm.weight"), "missing: encoder.norm.weight"),
        (lambda weights: weights.update({"\x1b[2J": np.ones(2)}), r"unexpected: \x1b[2J"),
        (lambda weights: weights.clear(), "missing: source_embedding.weight"),
    ],
)
def test_missing_and_foreign_weights(new_model, change, words):
    path = new_model() / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
    message = error_of(path.parent)
    assert words in message.replace("output.weight, ", "")
    assert "\x1b" not in message


def test_a_classifier_has_as_many_labels_as_outputs(tmp_path):
    folder = write_classifier(tmp_path / "model")
    checkpoint = read_checkpoint(folder)
    assert checkpoint.labels == ("no", "so so", "yes")
    assert checkpoint.statements() == {"labels": ["no", "so so", "yes"]}
    assert "encoder and decoder" in error_of(folder)
    content = json.loads((folder / "config.json").read_text())
    for labels in (["no", "yes"], ["no", "no", "yes"], None, "no"):
        (folder / "config.json").write_text(json.dumps({**content, "labels": labels}))
        with pytest.raises(CheckpointError, match=r"Cannot read .*config\.json: .*labels"):
            read_checkpoint(folder)


def test_files_that_were_not_written_together_are_refused(new_model, tmp_path):
    """The same shapes, and yet of another model: checksums tell."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, seed in ((first, 0), (second, 1)):
        convert(read_checkpoint(new_model(seed=seed)), folder, "int8")
        read_checkpoint(folder)
    tokenizer = json.loads((first / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    a, b = list(vocabulary)[260:262]
    vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
    (first / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "tokenizer.json is not what the weights were written with" in error_of(first)
    config = json.loads((second / "config.json").read_text())
    before = config["model"]["norm_epsilon"]
    config["model"]["norm_epsilon"] = 1e-3
    (second / "config.json").write_text(json.dumps(config))
    assert '"model" in config.json is not what the weights were written with' in error_of(second)
    config["model"]["norm_epsilon"] = before
    config["languages"] = {"source": "en", "target": "de"}
    (second / "config.json").write_text(json.dumps(config))
    assert "what config.json says beside its model is not what" in error_of(second)
    config["edited"] = True
    config["model"]["norm_epsilon"] = 1e-3
    (second / "config.json").write_text(json.dumps(config))
    assert read_checkpoint(second).config.norm_epsilon == 1e-3


def test_a_flipped_bit_of_a_weight_is_refused(new_model, tmp_path):
    convert(read_checkpoint(new_model()), tmp_path / "there", "float16")
    path = tmp_path / "there" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert "is not what was written: the checksum is another one" in error_of(tmp_path / "there")
