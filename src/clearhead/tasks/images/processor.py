"""Turns images into pixels that a model reads: resizes, rescales and normalises them.

The settings in ``preprocessor_config.json`` are applied as transformers' ``ViTImageProcessor`` with
Pillow applies them, bit for bit. With torchvision, transformers resizes slightly differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import CheckpointError, ConfigError, ShapeError, require
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields
from ...shapes import Array, Float
from ...visible import quoted

if TYPE_CHECKING:
    from PIL.Image import Image

_FILE = "preprocessor_config.json"
_KINDS = ("ViTImageProcessor", "ViTFeatureExtractor")
_SIDE = 224  # if the file does not say
_MOST_SIDE = 1 << 14
_BILINEAR, _MOST_FILTER = 2, 5  # numbers of Pillow's filters


@dataclass(frozen=True)
class ImageProcessor:
    """The processing of images into pixels.

    Attributes:
        size: height and width to resize to; None: images are not resized.
        resample: the number of Pillow's filter for resizing.
        factor: each number from 0 to 255 is multiplied by it; None: not multiplied.
        mean, std: of each channel: x becomes (x - mean) / std; empty: x is not normalised.
        rgb: whether images of other modes are converted to RGB.
    """

    size: tuple[int, int] | None = (_SIDE, _SIDE)
    resample: int = _BILINEAR
    factor: float | None = 1 / 255
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    rgb: bool = False

    def __call__(self, image: Image) -> Float[Array, "channels height width"]:
        """Return the pixels of an image in float32.

        Raises:
            ShapeError: its number of channels is not the number of means.
        """
        if self.rgb and image.mode != "RGB":
            image = image.convert("RGB")
        channels = len(image.getbands())
        if image.mode not in ("L", "RGB") or (self.mean and channels != len(self.mean)):
            raise ShapeError(
                f"The image is of the mode {image.mode}, and this model's {_FILE} is for images "
                f"of {len(self.mean) or '1 or 3'} channels, each number from 0 to 255. Convert it: "
                f'image.convert("RGB").'
            )
        if self.size is not None:
            image = image.resize((self.size[1], self.size[0]), resample=self.resample)
        rows = np.asarray(image)
        pixels = np.moveaxis(rows, -1, 0) if rows.ndim == 3 else rows[None]
        if self.factor is not None:
            pixels = pixels.astype(np.float64) * self.factor
        pixels = pixels.astype(np.float32)
        if self.mean:
            mean, std = (np.array(row, np.float32)[:, None, None] for row in (self.mean, self.std))
            pixels = (pixels - mean) / std
        return pixels


def read_image_processor(folder: Path) -> ImageProcessor:
    """Return the processor of a model's images, from the settings in its folder.

    Raises:
        CheckpointError: the folder has no settings, or they are not supported.
    """
    path = folder / _FILE
    try:
        return _processor(Fields(read_json(path), "the file"))
    except FileProblem as error:
        if error.missing:
            raise CheckpointError(
                f"The folder {folder} has no {_FILE}, which says how images are resized and "
                f"normalised. Do it as the model's training did, and give pixels as an array."
            ) from error
        raise CheckpointError(
            f"Cannot use {path}: {error.reason}. Make the pixels with transformers' image "
            f"processor, and give them as an array."
        ) from error


def read_image(path: str | Path) -> Image:
    """Read an image file as RGB, rotated upright by its orientation tag, as transformers does.

    Raises:
        ConfigError: the file does not exist, or is not an image that Pillow reads.
        MissingExtraError: Pillow is not installed.
    """
    images = require("PIL.Image", extra="images", purpose="Reading image files")
    upright = require("PIL.ImageOps", extra="images", purpose="Reading image files")
    try:
        with images.open(path) as image:
            rgb: Image = upright.exif_transpose(image).convert("RGB")
            return rgb
    except (OSError, ValueError, SyntaxError, images.DecompressionBombError) as error:
        raise ConfigError(
            f"Cannot read the image {quoted(str(path))}: {quoted(str(error))}. This model reads "
            f"images: give the path of one, a Pillow image, or pixels as an array."
        ) from error


def _processor(fields: Fields) -> ImageProcessor:
    for key in ("image_processor_type", "feature_extractor_type"):
        if not fields.has(key):
            continue
        kind = fields.text(key)
        if kind.removesuffix("Fast").removesuffix("Pil") not in _KINDS:
            raise FileProblem(f"it is of {quoted(kind)}, and {_KINDS[0]} alone is done here")
    for key in ("do_center_crop", "do_pad"):
        if _flag(fields, key, default=False):
            raise FileProblem(f"{quoted(key)} is true, which is not done here")
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    if _flag(fields, "do_normalize", default=True):
        mean, std = _numbers(fields, "image_mean"), _numbers(fields, "image_std")
        if len(mean) != len(std) or not all(std):
            raise FileProblem("image_mean and image_std are not one number for each channel")
    factor = fields.number("rescale_factor") if fields.has("rescale_factor") else 1 / 255
    resample = _BILINEAR
    if fields.has("resample"):
        resample = fields.integer("resample", least=0, most=_MOST_FILTER)
    return ImageProcessor(
        size=_size(fields) if _flag(fields, "do_resize", default=True) else None,
        resample=resample,
        factor=factor if _flag(fields, "do_rescale", default=True) else None,
        mean=mean,
        std=std,
        rgb=_flag(fields, "do_convert_rgb", default=False),
    )


def _flag(fields: Fields, key: str, *, default: bool) -> bool:
    return fields.flag(key) if fields.has(key) else default


def _numbers(fields: Fields, key: str) -> tuple[float, ...]:
    if not fields.has(key):
        return (0.5, 0.5, 0.5)
    numbers = {str(i): number for i, number in enumerate(fields.items(key))}
    if not numbers:
        raise FileProblem(f"{quoted(key)} is an empty list")
    entries = Fields(numbers, quoted(key))
    return tuple(entries.number(place) for place in numbers)


def _size(fields: Fields) -> tuple[int, int]:
    """Return height and width; older files have one number for both."""
    if not fields.has("size"):
        return _SIDE, _SIDE
    if not isinstance(fields.value("size"), dict):
        side = fields.integer("size", least=1, most=_MOST_SIDE)
        return side, side
    size = fields.object("size")
    size.only(("height", "width"))
    return (
        size.integer("height", least=1, most=_MOST_SIDE),
        size.integer("width", least=1, most=_MOST_SIDE),
    )


def is_image(value: object) -> bool:
    """Return whether a value is a Pillow image, without importing Pillow."""
    return any(
        kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(value).__mro__
    )
