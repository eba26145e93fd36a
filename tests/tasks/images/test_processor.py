"""Pixels of images are those of transformers' processor, bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import CheckpointError, ConfigError, ShapeError
from clearhead.tasks.images.processor import (
    ImageProcessor,
    is_image,
    read_image,
    read_image_processor,
)

images = pytest.importorskip("PIL.Image")
transformers = pytest.importorskip("transformers")


def picture(height=9, width=14, channels=3, seed=0):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return images.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


@settings(max_examples=15)
@given(
    changes=st.fixed_dictionaries(
        {
            "size": st.fixed_dictionaries(
                {"height": st.integers(1, 20), "width": st.integers(1, 20)}
            ),
            "resample": st.sampled_from([0, 1, 2, 3]),
            "do_resize": st.booleans(),
            "do_rescale": st.booleans(),
            "rescale_factor": st.sampled_from([1 / 255, 0.5]),
            "do_normalize": st.booleans(),
            "image_mean": st.sampled_from([[0.5, 0.5, 0.5], [0.485, 0.456, 0.406]]),
            "image_std": st.sampled_from([[0.5, 0.5, 0.5], [0.229, 0.224, 0.225]]),
        }
    ),
    mode=st.sampled_from(["RGB", "RGBA", "L"]),
    seed=st.integers(0, 9),
)
def test_pixels_are_those_of_transformers(tmp_path_factory, changes, mode, seed):
    folder = tmp_path_factory.mktemp("processor")
    convert = mode != "RGB"
    theirs = transformers.ViTImageProcessorPil(**changes, do_convert_rgb=convert or None)
    theirs.save_pretrained(folder)
    image = picture(seed=seed).convert(mode)
    ours = read_image_processor(folder)(image)
    expected = theirs(image, return_tensors="np")["pixel_values"][0]
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, expected)


def test_a_folder_that_says_little_has_the_usual_settings(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text("{}")
    assert read_image_processor(tmp_path) == ImageProcessor()
    usual = transformers.ViTImageProcessorPil()
    image = picture()
    expected = usual(image, return_tensors="np")["pixel_values"][0]
    np.testing.assert_array_equal(ImageProcessor()(image), expected)


def test_one_number_is_the_size_of_a_square(tmp_path):
    settings = {"feature_extractor_type": "ViTFeatureExtractor", "size": 7, "resample": 2}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    assert read_image_processor(tmp_path)(picture()).shape == (3, 7, 7)


def test_grey_images_have_one_channel():
    processor = ImageProcessor(size=(4, 5), mean=(0.5,), std=(0.25,))
    assert processor(picture(channels=1)).shape == (1, 4, 5)
    with pytest.raises(ShapeError, match=r"mode RGB.*images of 1 channels"):
        processor(picture())
    with pytest.raises(ShapeError, match=r"mode L.*image\.convert\(\"RGB\"\)"):
        ImageProcessor()(picture(channels=1))
    with pytest.raises(ShapeError, match="mode P"):
        ImageProcessor()(picture().convert("P"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"image_processor_type": "DeiTImageProcessor"}, "of 'DeiTImageProcessor', and ViT"),
        ({"do_center_crop": True}, "'do_center_crop' is true"),
        ({"size": {"shortest_edge": 224}}, "shortest_edge"),
        ({"size": 0}, "'size' of the file is 0"),
        ({"resample": 9}, "resample"),
        ({"image_mean": []}, "'image_mean' is an empty list"),
        ({"image_mean": [0.5, 0.5]}, "not one number for each channel"),
        ({"image_std": [0.5, 0.0, 0.5]}, "not one number for each channel"),
        ({"image_std": ["a"]}, "not a number"),
    ],
)
def test_what_is_not_done_here_is_refused(tmp_path, settings, words):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings).replace("'", '"'))
    with pytest.raises(CheckpointError, match=words.replace("'", "['\"]")):
        read_image_processor(tmp_path)


def test_a_folder_without_the_file_takes_pixels_alone(tmp_path):
    with pytest.raises(CheckpointError, match=r"no preprocessor_config\.json.*pixels as an array"):
        read_image_processor(tmp_path)


def test_files_are_read_upright_in_rgb(tmp_path):
    path = tmp_path / "image.png"
    image = picture(channels=1)
    exif = images.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(path, exif=exif)
    ours = read_image(path)
    assert is_image(ours)
    assert (ours.mode, ours.size) == ("RGB", (9, 14))
    np.testing.assert_array_equal(np.asarray(ours)[..., 0], np.rot90(np.asarray(image), -1))


def test_files_that_are_no_images_are_refused(tmp_path):
    assert not is_image("image.png")
    with pytest.raises(ConfigError, match=r"Cannot read the image.*give the path of one"):
        read_image(tmp_path / "missing.png")
    path = tmp_path / "text.png"
    path.write_text("a text")
    with pytest.raises(ConfigError, match="cannot identify"):
        read_image(path)
    picture(40, 40).save(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ConfigError, match="Cannot read the image"):
        read_image(path)
