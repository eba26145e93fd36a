"""Folders as people have them: whole, in other precisions and parts, half copied, damaged."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from clearhead.errors import CheckpointError, ClearheadError, ConfigError
from clearhead.tasks.loading import load
from tests.tasks import tiny_models as tiny

torch, transformers = tiny.torch, tiny.transformers
WEIGHTS = "model.safetensors"
IDS = [[5, 6, 7]]


def assert_same_logits(model, folder):
    with torch.no_grad():
        expected = model(torch.tensor(IDS)).logits.numpy()
    np.testing.assert_allclose(load(folder).logits(IDS), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("changes", [{"tie_word_embeddings": True}, {"tie_word_embeddings": False}])
@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_tied_and_untied(name, changes):
    folder, theirs = tiny.saved(name, **changes)
    assert_same_logits(theirs, folder)


def test_in_parts(tmp_path):
    theirs = tiny.random_model("llama")
    theirs.save_pretrained(tmp_path, max_shard_size="5KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert_same_logits(theirs, tmp_path)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_in_half_precision(tmp_path, dtype):
    tiny.random_model("llama").to(getattr(torch, dtype)).save_pretrained(tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert_same_logits(theirs, tmp_path)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("GPT2LMHeadModel", {"n_embd": 12, "n_layer": 1, "n_head": 3}),
        ("LlamaForCausalLM", {}),
        ("Qwen2ForCausalLM", {}),
        ("GPTNeoXForCausalLM", {}),
        ("BertForMaskedLM", {}),
    ],
)
def test_special_tokens_of_a_large_vocabulary_in_a_small_one(tmp_path, name, config):
    """A small model made with the default config names an end token that it does not have."""
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 9, "num_key_value_heads": 1 if "Llama" in name else 2}
    cls = getattr(transformers, name)
    theirs = cls(cls.config_class(vocab_size=30, **(config or sizes))).eval()
    theirs.save_pretrained(tmp_path)
    assert_same_logits(theirs, tmp_path)
    model = load(tmp_path)
    if "generate" in model.tasks:
        expected = theirs.generate(torch.tensor(IDS), max_new_tokens=3, do_sample=False)
        assert model.generate_ids(IDS[0], max_new_tokens=3) == expected[0, 3:].tolist()
    assert "logits" in model.trace(ids=IDS)


def test_without_its_head(tmp_path):
    tiny.random_model("gpt2").base_model.save_pretrained(tmp_path / "tied")
    assert load(tmp_path / "tied").logits(IDS).shape == (1, 3, tiny.VOCABULARY)
    tiny.random_model("llama").base_model.save_pretrained(tmp_path / "untied")
    with pytest.raises(CheckpointError, match=r"saved without its head: save the whole model"):
        load(tmp_path / "untied")
    tiny.random_model("bert").bert.save_pretrained(tmp_path / "encoder")
    encoder = load(tmp_path / "encoder")
    assert encoder.tasks == {"embed"}
    assert encoder.hidden(IDS).shape == (1, 3, 24)
    with pytest.raises(CheckpointError, match="has no head for masked words"):
        encoder.logits(IDS)


def test_without_files_that_may_lack(tmp_path):
    folder = tiny.copy_of("gpt2", tmp_path, tokenizer=False)
    (folder / "generation_config.json").unlink()
    model = load(folder)
    assert model.tokenizer is None
    assert len(model.generate_ids([5, 6])) == 20
    for call in (model.generate, model.trace, lambda text: list(model.stream(text))):
        with pytest.raises(CheckpointError, match=r"has no tokenizer.*Without it, give ids"):
            call("The house")


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64"), torch.float64])
def test_dtypes_in_every_writing(dtype):
    assert load(tiny.folder_of("gpt2"), dtype=dtype).logits(IDS).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "foo", None, int, torch.bfloat16])
@pytest.mark.parametrize("name", ["gpt2", None])
def test_other_dtypes_are_refused(name, dtype):
    with pytest.raises(CheckpointError, match="dtype is what computes, float32 or float64"):
        load(tiny.folder_of(name) if name else "en-fr", dtype=dtype)


def test_a_task_for_who_has_none():
    with pytest.raises(CheckpointError, match="is a GPT-2, which does not translate"):
        load(tiny.folder_of("gpt2"), task="en-fr")
    with pytest.raises(ConfigError, match="which has no tasks to name"):
        load("en-fr", task="en-fr")


def change_config(**changes):
    def change(folder):
        path = folder / "config.json"
        content = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}))

    return change


def change_weights(change):
    def on_disk(folder):
        weights = {name: array.copy() for name, array in load_file(folder / WEIGHTS).items()}
        change(weights)
        save_file(weights, folder / WEIGHTS)

    return on_disk


def change_bytes(change):
    def on_disk(folder):
        (folder / WEIGHTS).write_bytes(change((folder / WEIGHTS).read_bytes()))

    return on_disk


def instead(name, other, content=b"x"):
    def change(folder):
        (folder / name).unlink()
        (folder / other).write_bytes(content)

    return change


NORM = "transformer.ln_f.weight"
DAMAGES = {
    "weights missing": (lambda folder: (folder / WEIGHTS).unlink(), "has no weights"),
    "truncated": (change_bytes(lambda data: data[:-9]), "was not copied whole"),
    "empty": (change_bytes(lambda data: b""), "0 bytes"),
    "a header of 2^60": (change_bytes(lambda d: (1 << 60).to_bytes(8, "little") + d[8:]), "header"),
    "NaN": (change_weights(lambda w: w[NORM].fill(np.nan)), "ln_f.weight' holds NaN"),
    "surplus": (change_weights(lambda w: w.update(other=np.ones(2, "f4"))), "no place for: 'other"),
    "a weight missing": (change_weights(lambda w: w.pop(NORM)), "lack weights of GPT-2"),
    "a shape": (change_weights(lambda w: w.update({NORM: np.ones(7, "f4")})), r"\(7,\)"),
    "integers": (change_weights(lambda w: w.update({NORM: np.ones(24, "i4")})), "int32"),
    "pickles": (instead(WEIGHTS, "pytorch_model.bin"), "can run any program.*convert them"),
    "GGUF": (instead("config.json", "model.gguf"), "GGUF file, which is not read here"),
    "an adapter": (instead("config.json", "adapter_config.json"), "adapter .LoRA.: merge it"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "lacks config.json"),
    "a config that is no JSON": (lambda f: (f / "config.json").write_text("{"), "not valid JSON"),
    "no model_type": (change_config(model_type=...), 'no "model_type" either'),
    "an unknown family": (change_config(model_type="mamba"), "'mamba' are not read here.*GPT-2"),
    "an unknown activation": (change_config(activation_function="snake"), "'snake', which is not"),
    "a width that does not fit": (change_config(n_embd=30), "other shapes than its config.json"),
    "heads that do not divide": (change_config(n_head=5), "24 is not a multiple of 5"),
    "a text for a number": (change_config(n_layer="2"), "'n_layer' of the file is a text"),
    "quantized": (change_config(quantization_config={"quant_method": "gptq"}), "'gptq'"),
    "half a tokenizer": (lambda f: (f / "tokenizer.json").write_text("{"), "get it again"),
    "beams below 1": (
        lambda f: (f / "generation_config.json").write_text('{"num_beams": -1}'),
        "num_beams must be at least 1; it is -1",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_with_a_folder_is_said(tmp_path, damage):
    change, words = DAMAGES[damage]
    folder = tiny.copy_of("gpt2", tmp_path / "model")
    change(folder)
    with pytest.raises(CheckpointError, match=f"(?s){words}") as error:
        load(folder).generate_ids([5])
    assert "beams" in damage or str(folder) in str(error.value)


def test_a_tokenizer_of_another_model(tmp_path):
    folder = tiny.copy_of("gpt2", tmp_path / "model")
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["added_tokens"].append({**content["added_tokens"][0], "id": 999, "content": "<far>"})
    content["model"]["vocab"]["<far>"] = 999
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="tokenizer has 1,000 ids and the model only 300"):
        load(folder)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_flipped_bit_is_refused_or_read(tmp_path, data):
    """No flipped bit in any file gives anything but an error of ours or a model."""
    folder = tmp_path / "model"
    shutil.rmtree(folder, ignore_errors=True)
    tiny.copy_of("gpt2", folder)
    names = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
    path = folder / data.draw(st.sampled_from([*names, WEIGHTS]))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, min(len(content), 3000) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(content))
    with suppress(ClearheadError):
        assert load(folder).logits([[5]]).shape[:2] == (1, 1)


@pytest.mark.parametrize("name", ["klingon", "/no/such/folder", "a b/c"])
def test_a_name_of_nothing(name):
    with pytest.raises(CheckpointError, match=r"neither a bundled model.*form org/name"):
        load(name)


def test_a_file_is_no_folder():
    with pytest.raises(CheckpointError, match=r"is a file\. A model is a folder"):
        load(tiny.folder_of("gpt2") / WEIGHTS)
