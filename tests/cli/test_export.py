"""``clearhead export``, there and back."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from clearhead.cli.export import command
from clearhead.errors import CheckpointError, ConfigError
from clearhead.export.model_folder import write_json, write_tensors
from clearhead.tasks.loading import load
from tests.export.models import checkpoint_of
from tests.tasks import tiny_models as tiny


def run(*arguments):
    return CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small model of ours that transformers has a family for."""
    folder = tmp_path_factory.mktemp("ours")
    checkpoint = checkpoint_of("PEGASUS")
    checkpoint.tokenizer.save(folder / "tokenizer.json")
    write_tensors(folder / "model.safetensors", checkpoint.weights)
    write_json(folder / "config.json", {"format": 1, "model": checkpoint.config.to_dict()})
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("export") / "huggingface"
    result = run(model, "--to", "huggingface", folder)
    assert result.exit_code == 0, result.output
    assert "from_pretrained of transformers opens it, as a PEGASUS" in result.output
    assert "20 of 20 inputs give the same tokens there and here" in result.output
    return folder


def test_what_is_exported_is_a_model_of_transformers(exported, model):
    theirs = tiny.transformers.AutoModelForSeq2SeqLM.from_pretrained(exported)
    ids = [[5, 6, 2]]
    expected = theirs(tiny.torch.tensor(ids), decoder_input_ids=tiny.torch.tensor([[1, 7]])).logits
    logits = load(model).logits(ids, [[1, 7]])
    tiny.np.testing.assert_allclose(logits, expected.detach().numpy(), rtol=0, atol=1e-3)


def test_it_opens_here_as_any_other(exported, model):
    ours, again = load(model), load(exported)
    assert again.family == "PEGASUS"
    written, expected = (one.generate_ids([5, 6, 2], max_new_tokens=9) for one in (again, ours))
    assert written[:-1] == expected[:-1]  # there the last token is forced to be the end
    assert again.tokenizer.encode("the cat") == ours.tokenizer.encode("the cat")


def test_and_back(exported, model, tmp_path):
    result = run(exported, "--to", "clearhead", tmp_path / "back")
    assert result.exit_code == 0, result.output
    assert "clearhead translate -m" in result.output
    ours, again = load(model), load(tmp_path / "back")
    assert again.family == "clearhead"
    logits, expected = (one.logits([[5, 6, 2]], [[1, 7]]) for one in (again, ours))
    tiny.np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)


def test_a_model_of_ours_in_8_bits(model, tmp_path):
    result = run(model, "--to", "clearhead", tmp_path / "small", "--quantization", "int8")
    assert result.exit_code == 0, result.output
    before, after = (
        (folder / "model.safetensors").stat().st_size for folder in (model, tmp_path / "small")
    )
    share = f"{after / before:.0%}"
    words = f"weights in int8: {after:,} bytes, {share} of {before:,} before; the largest error of"
    assert words in result.output
    ours, again = load(model), load(tmp_path / "small")
    logits, expected = (one.logits([[5, 6, 2]], [[1, 7]]) for one in (again, ours))
    difference = abs(logits - expected).max() / abs(expected).max()
    assert 0 < difference < 0.05


def test_what_transformers_saved_in_8_bits(exported, tmp_path):
    result = run(exported, "--to", "clearhead", tmp_path / "small", "--quantization", "int8")
    assert result.exit_code == 0, result.output
    assert "weights in int8" in result.output
    assert load(tmp_path / "small").family == "clearhead"


def test_it_is_not_verified_where_nobody_wants_it(model, tmp_path):
    result = run(model, "--to", "huggingface", tmp_path / "other", "--no-verify")
    assert result.exit_code == 0
    assert "inputs give the same" not in result.output


def test_what_cannot_be_exported(model, exported, tmp_path):
    assert "--quantization is for --to ctranslate2 and --to clearhead" in (
        run(model, "--to", "onnx", tmp_path / "a", "--quantization", "int8").output
    )
    assert "int4 is not for --to clearhead, whose weights are float32, float16 or int8" in (
        run(model, "--to", "clearhead", tmp_path / "a", "--quantization", "int4").output
    )
    with pytest.raises(CheckpointError, match="Here a model of clearhead is needed"):
        run(tiny.folder_of("gpt2"), "--to", "huggingface", tmp_path / "b")
    with pytest.raises((CheckpointError, ConfigError), match="is there already"):
        run(model, "--to", "huggingface", exported)
    with pytest.raises(CheckpointError, match="its vocabulary is not one of clearhead's"):
        run(tiny.folder_of("gpt2"), "--to", "clearhead", tmp_path / "c")
    assert not list(tmp_path.iterdir())
