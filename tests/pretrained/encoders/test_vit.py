"""ViT: every model of transformers that holds one, against transformers itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import CheckpointError, ShapeError
from clearhead.pretrained.reading import read_pretrained
from clearhead.reference.transformer import Transformer
from tests.pretrained.encoders.comparing import (
    TOLERANCES,
    change_tensors,
    random_model,
    torch,
    transformers,
)

SHAPES = st.fixed_dictionaries(
    {
        "heads": st.integers(1, 5),
        "head_dim": st.integers(1, 7),
        "num_hidden_layers": st.integers(1, 3),
        "intermediate_size": st.integers(1, 30),
        "hidden_act": st.sampled_from(["gelu", "gelu_new", "relu", "silu"]),
        "image_size": st.one_of(
            st.integers(12, 32), st.lists(st.integers(12, 32), min_size=2, max_size=2)
        ),
        "patch_size": st.one_of(
            st.integers(4, 8), st.lists(st.integers(4, 8), min_size=2, max_size=2)
        ),
        "num_channels": st.integers(1, 3),
        "num_labels": st.integers(1, 7),
        "qkv_bias": st.booleans(),
        "layer_norm_eps": st.sampled_from([1e-12, 1e-6, 0.1]),
    }
)
SHAPE = {
    "heads": 3, "head_dim": 5, "num_hidden_layers": 2, "intermediate_size": 11,
    "image_size": [13, 18], "patch_size": [4, 6], "num_channels": 2, "num_labels": 3,
}  # fmt: skip


def model_of(name="ViTForImageClassification", seed=0, **changes):
    settings = {**SHAPE, **changes}
    heads, head_dim = settings.pop("heads"), settings.pop("head_dim")
    config = transformers.ViTConfig(
        hidden_size=heads * head_dim, num_attention_heads=heads, **settings
    )
    return random_model(getattr(transformers, name), config, seed)


def images(config, seed=0, batch=2):
    part = config.patches
    shape = (batch, part.channels, part.image_height, part.image_width)
    return np.random.default_rng(seed).standard_normal(shape)


def assert_equal_numbers(model, folder, seed=0):
    """Save a model, read it, and compare all positions, and the classifier's logits."""
    model.float().save_pretrained(folder)
    for dtype in TOLERANCES:
        pretrained = read_pretrained(folder, dtype=dtype)
        ours = Transformer(pretrained.config, pretrained.weights, dtype=dtype)
        pixels = images(pretrained.config, seed).astype(dtype)
        with torch.no_grad():
            encoder = getattr(model, "vit", model).to(getattr(torch, dtype))
            theirs = encoder(torch.from_numpy(pixels)).last_hidden_state.numpy()
        hidden = ours.encode(pixels=pixels).output
        close = {"rtol": 0, "atol": TOLERANCES[dtype]}
        assert hidden.dtype == dtype
        np.testing.assert_allclose(hidden, theirs, **close)
        if "classify" in pretrained.tasks:
            with torch.no_grad():
                theirs = model.to(getattr(torch, dtype))(torch.from_numpy(pixels)).logits.numpy()
            np.testing.assert_allclose(ours.forward(pixels=pixels)[:, 0], theirs, **close)
    return pretrained


@settings(max_examples=12)
@given(shape=SHAPES, seed=st.integers(0, 2**16))
def test_any_shape(tmp_path_factory, shape, seed):
    folder = tmp_path_factory.mktemp("model")
    pretrained = assert_equal_numbers(model_of(seed=seed, **shape), folder, seed)
    assert pretrained.tasks == {"classify"}
    assert pretrained.config.vocab_size == shape["num_labels"]


@pytest.mark.parametrize("name", ["ViTModel", "ViTForMaskedImageModeling"])
def test_of_models_without_a_classifier_the_encoder_is_read(tmp_path, name):
    changes = {} if name == "ViTModel" else {
        "image_size": 12, "patch_size": 4, "encoder_stride": 4,
    }  # fmt: skip
    pretrained = assert_equal_numbers(model_of(name, **changes), tmp_path)
    assert pretrained.tasks == frozenset()
    assert not pretrained.config.output.matrix
    assert not any(weight.startswith("output.") for weight in pretrained.weights)


def test_weights_are_those_of_the_file_and_not_copied(tmp_path):
    model_of().save_pretrained(tmp_path)
    weights = read_pretrained(tmp_path).weights
    names = ("patches.weight", "class_token.weight", "source_positions.weight")
    assert [weights[name].shape for name in names] == [(15, 48), (1, 15), (10, 15)]
    assert not any(weights[name].flags.writeable for name in names)


def test_a_file_in_half_precision_is_widened(tmp_path):
    model = model_of().to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    pretrained = read_pretrained(tmp_path, dtype="float64")
    pixels = images(pretrained.config)
    with torch.no_grad():
        theirs = model.double()(torch.from_numpy(pixels)).logits.numpy()
    ours = Transformer(pretrained.config, pretrained.weights).forward(pixels=pixels)
    np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-9)


def test_images_of_another_size_are_refused(tmp_path):
    model_of().save_pretrained(tmp_path)
    pretrained = read_pretrained(tmp_path)
    model = Transformer(pretrained.config, pretrained.weights)
    with pytest.raises(ShapeError, match=r"13 pixels high and 18 wide.*are not interpolated"):
        model.encode(pixels=np.zeros((1, 2, 18, 13)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_size": [12, 12, 3]}, "image_size.*lists 3 numbers.*a height and a width"),
        ({"image_size": 5}, "patches.width must be at least 1 and at most"),
        ({"patch_size": 0}, "patch_size"),
        ({"hidden_act": "mish"}, "hidden_act.*mish"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ({"is_decoder": True}, "ViT is read as an encoder alone"),
        ({"id2label": {"0": "cat", "7": "dog"}}, "id2label"),
        ({"id2label": {"0": "cat"}}, r"classifier.weight is \(3, 15\).*\(1, 15\)"),
        ({"patch_size": [6, 4]}, "projection.weight is .*nothing that fits"),
        ({"num_channels": 3}, "projection.weight"),
        ({"image_size": 18}, "position_embeddings is"),
        ({"qkv_bias": False}, "no place for.*key.bias"),
    ],
)
def test_what_is_refused(tmp_path, change, words):
    model_of().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=words):
        read_pretrained(tmp_path)


@pytest.mark.parametrize("shape", [(), (15,), (2, 10, 15)])
def test_positions_of_another_shape_are_refused(tmp_path, shape):
    model_of().save_pretrained(tmp_path)
    name = "vit.embeddings.position_embeddings"
    change_tensors(tmp_path, lambda tensors: {**tensors, name: np.zeros(shape, np.float32)})
    with pytest.raises(CheckpointError, match="position_embeddings is"):
        read_pretrained(tmp_path)


def test_distilled_models_are_another_family(tmp_path):
    transformers.DeiTConfig(
        hidden_size=6, num_attention_heads=2, num_hidden_layers=1, image_size=8, patch_size=4
    ).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"'deit' are not read here.*ViT \(vit\)"):
        read_pretrained(tmp_path)
