"""Patches: the pixels in their order, and the product of a strided convolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config_parts import PatchConfig
from clearhead.errors import ShapeError
from clearhead.reference.layers.patches import Patches, cut_into_patches
from clearhead.reference.tracing.trace import OFF, Trace
from tests.reference.models import image_configs, random_pixels, random_weights


def test_pixels_stand_channel_by_channel_and_row_by_row():
    part = PatchConfig(height=2, width=3, image_height=5, image_width=7, channels=2)
    pixels = np.arange(70.0).reshape(1, 2, 5, 7)  # row 4 and column 6 are in no patch
    patches = cut_into_patches(pixels, part)
    assert patches.shape == (1, 2, 2, 12)
    assert patches[0, 0, 0].tolist() == [0, 1, 2, 7, 8, 9, 35, 36, 37, 42, 43, 44]
    assert patches[0, 1, 1, :3].tolist() == [17, 18, 19]


@given(config=image_configs(), seed=st.integers(0, 9))
def test_vectors_are_those_of_a_strided_convolution(config, seed):
    part, weights = config.patches, random_weights(config, seed)
    pixels, trace = random_pixels(np.random.default_rng(seed), config), Trace()
    ours = Patches(config, weights)(pixels, trace=trace)
    kernel = weights["patches.weight"].reshape(-1, part.channels, part.height, part.width)
    convolved = torch.nn.functional.conv2d(
        torch.from_numpy(pixels),
        torch.from_numpy(kernel),
        torch.from_numpy(weights["patches.bias"]),
        stride=(part.height, part.width),
    )
    expected = convolved.flatten(2).transpose(1, 2).numpy()
    start = int(part.class_token)
    np.testing.assert_allclose(ours[:, start:], expected, atol=1e-12)
    if start:
        first = np.repeat(weights["class_token.weight"], 2, axis=0)
        np.testing.assert_array_equal(ours[:, 0], first)
    names = ["pixels", "patches", "patch_vectors", "patch_embedding", "embedding"]
    if not start:
        names.remove("patch_embedding")
    assert trace.paths == names


@given(config=image_configs())
def test_images_of_another_size_are_refused(config):
    patches, pixels = Patches(config, random_weights(config)), random_pixels(np.random, config)
    wider = np.concatenate([pixels, pixels], axis=3)
    for other in (pixels[0], pixels[:, :, :, 1:], wider, np.concatenate([pixels, pixels], axis=1)):
        with pytest.raises(ShapeError, match="Resize the images first"):
            patches(other, trace=OFF)
