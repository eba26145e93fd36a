"""Every way in which transformers saves a decoder, and old files that have more in them."""

from __future__ import annotations

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from safetensors.torch import load_file, save_file  # noqa: E402

from clearhead.errors import CheckpointError  # noqa: E402
from clearhead.pretrained.reading import read_pretrained  # noqa: E402
from tests.pretrained.decoders.checkpoints import (  # noqa: E402
    FAMILIES,
    assert_read_alike,
    small_model,
    spell_as_version_4,
)

OUTPUTS = {"GPTNeoX": "embed_out.weight"}
every_family = pytest.mark.parametrize("family", FAMILIES)


def change_tensors(folder, change):
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


@every_family
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_in_many_parts(family, dtype, tmp_path):
    small_model(family).to(getattr(torch, dtype)).save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert_read_alike(tmp_path)


@every_family
def test_both_spellings(family, tmp_path):
    small_model(family).save_pretrained(tmp_path)
    config = assert_read_alike(tmp_path).config
    spell_as_version_4(tmp_path)
    assert assert_read_alike(tmp_path).config == config


@every_family
def test_a_model_without_its_head_has_no_prefix(family, tmp_path):
    model = small_model(family, tie_word_embeddings=True)
    model.base_model.save_pretrained(tmp_path)
    names = load_file(tmp_path / "model.safetensors")
    assert not any(name.startswith(model.base_model_prefix) for name in names)
    assert_read_alike(tmp_path)


@every_family
def test_an_output_that_is_missing_is_named(family, tmp_path):
    small_model(family, tie_word_embeddings=False).base_model.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=re.escape(OUTPUTS.get(family, "lm_head.weight"))):
        read_pretrained(tmp_path)


@every_family
@pytest.mark.parametrize("equal", [True, False])
def test_an_output_beside_a_tied_embedding_counts(family, equal, tmp_path):
    model = small_model(family, tie_word_embeddings=True)
    model.save_pretrained(tmp_path)
    name = OUTPUTS.get(family, "lm_head.weight")
    embedding = model.get_input_embeddings().weight.detach()
    output = embedding.clone() if equal else embedding.flip(0).contiguous()
    change_tensors(tmp_path, lambda tensors: {**tensors, name: output})
    ours = assert_read_alike(tmp_path)
    assert not ours.config.tied_output


@every_family
def test_a_tied_embedding_may_be_stored_as_the_output_alone(family, tmp_path):
    small_model(family, tie_word_embeddings=True).save_pretrained(tmp_path)

    def move(tensors):
        (name,) = [one for one in tensors if re.search(r"(wte|embed_in|embed_tokens)\.", one)]
        output = tensors.pop(name)
        return {**tensors, OUTPUTS.get(family, "lm_head.weight"): output}

    change_tensors(tmp_path, move)
    assert assert_read_alike(tmp_path).config.tied_output


@pytest.mark.parametrize(
    ("family", "buffers"),
    [
        ("GPT2", ("h.0.attn.bias", "h.1.attn.masked_bias")),
        ("Llama", ("model.layers.0.self_attn.rotary_emb.inv_freq",)),
        (
            "GPTNeoX",
            (
                "gpt_neox.layers.0.attention.bias",
                "gpt_neox.layers.1.attention.masked_bias",
                "gpt_neox.layers.0.attention.rotary_emb.inv_freq",
            ),
        ),
    ],
)
def test_what_old_versions_stored_beside_the_weights_is_known(family, buffers, tmp_path):
    small_model(family).save_pretrained(tmp_path)
    change_tensors(
        tmp_path, lambda tensors: {**tensors, **{name: torch.ones(4) for name in buffers}}
    )
    assert_read_alike(tmp_path)


@every_family
def test_a_weight_of_another_model_is_named(family, tmp_path):
    small_model(family).save_pretrained(tmp_path)
    change_tensors(tmp_path, lambda tensors: {**tensors, "score.weight": torch.ones(2, 24)})
    with pytest.raises(CheckpointError, match=r"no place for: 'score\.weight'"):
        read_pretrained(tmp_path)


@every_family
def test_every_weight_of_the_files_is_read_and_decides(family, tmp_path):
    # Each tensor, changed by itself, changes the logits: none is read for another.
    small_model(family).save_pretrained(tmp_path)
    before = read_pretrained(tmp_path, dtype="float64").weights
    tensors = load_file(tmp_path / "model.safetensors")
    for name in tensors:
        change_tensors(tmp_path, lambda old, name=name: {**old, name: tensors[name] + 1})
        after = read_pretrained(tmp_path, dtype="float64").weights
        changed = [one for one in before if not np.array_equal(before[one], after[one])]
        fused = "c_attn" in name or "query_key_value" in name
        assert len(changed) == (3 if fused else 1), name
        change_tensors(tmp_path, lambda old, name=name: {**old, name: tensors[name]})
