"""A model of images as one object, against transformers; and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clearhead.errors import CheckpointError, ConfigError, ShapeError
from clearhead.tasks.images.model import ImageModel
from clearhead.tasks.loading import load
from tests.pretrained.encoders.comparing import random_model, torch, transformers

pictures = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model and its processor, and both of them."""
    folder = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(
        hidden_size=12, num_attention_heads=3, num_hidden_layers=2, intermediate_size=9,
        image_size=[13, 10], patch_size=4, id2label={0: "cat", 1: "dog", 2: "cow", 3: "hen"},
    )  # fmt: skip
    model = random_model(transformers.ViTForImageClassification, config, 1)
    processor = transformers.ViTImageProcessorPil(size={"height": 13, "width": 10})
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, model.double(), processor


@pytest.fixture(scope="module")
def ours(saved):
    return load(saved[0], dtype="float64")


@pytest.fixture(scope="module")
def without_classifier(tmp_path_factory):
    config = transformers.ViTConfig(
        hidden_size=6, num_attention_heads=1, num_hidden_layers=1, intermediate_size=5,
        image_size=8, patch_size=4, num_channels=1,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("encoder")
    random_model(transformers.ViTModel, config).save_pretrained(folder)
    return load(folder)


PIXELS = np.random.default_rng(0).standard_normal((2, 3, 13, 10))


def picture(seed=0):
    array = np.random.default_rng(seed).integers(0, 256, (21, 17, 3), np.uint8)
    return pictures.fromarray(array)


def test_numbers_are_those_of_transformers(saved, ours):
    assert isinstance(ours, ImageModel)
    assert ours.tasks == {"classify"}
    assert "2 encoder layers, d_model 12; classify" in repr(ours)
    _, model, _ = saved
    with torch.no_grad():
        theirs = model(torch.from_numpy(PIXELS), output_hidden_states=True)
        hidden = model.vit(torch.from_numpy(PIXELS)).last_hidden_state.numpy()
    np.testing.assert_allclose(ours.logits(PIXELS)[:, 0], theirs.logits.numpy(), atol=1e-9)
    np.testing.assert_allclose(ours.hidden(PIXELS), hidden, atol=1e-9)
    float32 = load(saved[0])
    np.testing.assert_allclose(float32.logits(PIXELS)[:, 0], theirs.logits.numpy(), atol=1e-4)


def test_images_and_files_are_classified_as_by_transformers(saved, ours, tmp_path):
    _, model, processor = saved
    pipeline = transformers.pipeline(
        "image-classification", model=model.float(), image_processor=processor, device="cpu"
    )
    images, paths = [picture(0), picture(1)], [tmp_path / "0.png", tmp_path / "1.png"]
    expected = pipeline(images, top_k=3)
    model.double()
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    for batch in (images, paths, list(map(str, paths))):
        for labels, truth in zip(ours.classify(batch, top=3), expected, strict=True):
            assert [one.name for one in labels.labels] == [one["label"] for one in truth]
            shares = [one.probability for one in labels.labels]
            np.testing.assert_allclose(shares, [one["score"] for one in truth], atol=1e-4)
    single = ours.classify(paths[0])
    assert single.name == expected[0][0]["label"]
    assert len(single.labels) == 4
    assert ours.classify(ours.pixels(images[0])[0]) == single
    assert ours.classify(ours.pixels(images[0])) == [single]


def test_a_patch_that_is_replaced_changes_the_label(ours):
    plain = ours.trace(PIXELS[:1])
    np.testing.assert_array_equal(plain["logits"].value, ours.logits(PIXELS[:1]))

    def other(patches):
        patches[0, 1, 0] = 0.0
        return patches

    changed = ours.trace(PIXELS[:1], replace={"encoder.patches": other})
    pixels = PIXELS[:1].copy()
    pixels[:, :, 4:8, :4] = 0.0
    np.testing.assert_allclose(changed["logits"].value, ours.logits(pixels), atol=1e-12)
    assert np.abs(changed["logits"].value - plain["logits"].value).max() > 1e-3


def test_a_mask_hides_patches(ours):
    mask = np.ones((1, 7), bool)
    mask[0, 4] = False  # the class token is at position 0, so this is the patch of row 1, column 1
    pixels = PIXELS[:1].copy()
    pixels[:, :, 4:8, 4:8] = 9.0
    other = [0, 1, 2, 3, 5, 6]
    np.testing.assert_allclose(
        ours.hidden(pixels, mask=mask)[:, other], ours.hidden(PIXELS[:1], mask=mask)[:, other]
    )


def test_lenses_end_with_the_classifiers_own_numbers(ours):
    logits = ours.logits(PIXELS[:1])[0, 0]
    readings = ours.logit_lens(PIXELS[0], count=2)
    assert [one.layers for one in readings] == [0, 1, 2]
    assert readings[-1].tokens[0] == logits.argmax()
    attribution = ours.attribute(PIXELS[0], label="cow")
    assert attribution.logit == pytest.approx(logits[2])
    assert attribution.error < 1e-9
    paths = {summand.path for summand in attribution.summands}
    assert {"encoder.embedding", "encoder.positions"} <= paths
    with pytest.raises(ConfigError, match=r"'horse' is no label of .*; model.labels lists them"):
        ours.attribute(PIXELS[0], label="horse")


def test_a_model_without_a_classifier_has_hidden_vectors(without_classifier):
    pixels = np.ones((1, 1, 8, 8))
    assert without_classifier.tasks == frozenset()
    trace = without_classifier.trace(pixels)
    expected = without_classifier.hidden(pixels)
    np.testing.assert_array_equal(trace["encoder.output"].value, expected)
    for ask in (without_classifier.logits, without_classifier.classify):
        with pytest.raises(CheckpointError, match=r"is a ViT, which .* classify"):
            ask(pixels)
    with pytest.raises(CheckpointError, match=r"no preprocessor_config\.json"):
        without_classifier.hidden(picture())


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.translate("a text"),
        lambda model: model.generate("a text"),
        lambda model: model.generate_ids([[1]]),
        lambda model: model.fill_mask("a text"),
        lambda model: model.embed("a text"),
        lambda model: model.inputs("a text"),
        lambda model: model.explore("a text"),
    ],
)
def test_texts_are_refused(ours, ask):
    with pytest.raises(CheckpointError, match=r"is a ViT, which|reads images, and the explorer"):
        ask(ours)


def test_a_task_of_texts_is_refused(saved):
    with pytest.raises(CheckpointError, match="translate"):
        load(saved[0], task="en-fr")


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.zeros((1, 3, 13, 10), np.uint8), ShapeError, r"these are uint8.*PIL\.Image\.fromarray"),
        (np.zeros((3, 13, 11)), ShapeError, "13 pixels high and 10 wide"),
        (np.zeros((13, 10)), ShapeError, r"these are float64 of shape \(13, 10\)"),
        ([], ShapeError, "these are"),
        ([np.zeros((3, 13, 10)), np.zeros((3, 13, 9))], ShapeError, "do not fit together"),
        ("a text", ConfigError, "Cannot read the image.*a text"),
        ([[1, 2]], ShapeError, "these are int"),
    ],
)
def test_what_are_no_images_is_refused(ours, images, error, words):
    for ask in (ours.logits, ours.hidden, ours.classify, ours.trace):
        with pytest.raises(error, match=words):
            ask(images)


def test_labels_of_a_config_are_read(saved, tmp_path):
    assert load(saved[0]).labels == ("cat", "dog", "cow", "hen")
    config = json.loads((saved[0] / "config.json").read_text())
    for name in ("model.safetensors", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((saved[0] / name).read_bytes())
    del config["id2label"], config["label2id"]
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_labels": 4}))
    assert load(tmp_path).labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")
