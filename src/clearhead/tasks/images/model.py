"""A model that reads images as one object: labels, logits, hidden vectors, traces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ...errors import CheckpointError, ConfigError, ShapeError
from ...json_fields import Fields
from ...lens.attribution import Attribution, attribute_logit
from ...lens.logit_lens import LayerReading, logit_lens
from ...pretrained.labels import label_names
from ...pretrained.model import PretrainedModel
from ...reference.tracing.record import Replacement
from ...reference.tracing.trace import Trace
from ...shapes import Array, Bool, Float
from ..model import Model
from .classification import Classification, classify
from .processor import ImageProcessor, is_image, read_image, read_image_processor

Images = Any
"""Pixels as an array, or an image of Pillow, or the path of one; of the last two also a list."""


class ImageModel(Model):
    """What `clearhead.load` gives of a folder whose model reads images.

    Images are pixels as the model reads them, resized, rescaled and normalised already:
    Float["batch channels height width"], or without the batch for a single one. Or they are images
    of Pillow, or paths of files, one or a list of them, with which is done what the model's
    ``preprocessor_config.json`` says.

    Args:
        source: what `read_pretrained` read.
        name: what the model is called.
        dtype: what computes, float32 or float64.
    """

    def __init__(
        self, source: PretrainedModel, *, name: str = "model", dtype: Any = "float32"
    ) -> None:
        super().__init__(source, name=name, dtype=dtype)
        self._pretrained = source

    @property
    def tasks(self) -> frozenset[str]:
        """What it can do: ``classify``, or nothing where it has no classifier."""
        return self._pretrained.tasks

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, by their ids.

        Raises:
            CheckpointError: the model has no classifier.
        """
        self.require("classify")
        return label_names(Fields(dict(self._pretrained.settings), "config.json"))

    @cached_property
    def processor(self) -> ImageProcessor:
        """What makes pixels of images.

        Raises:
            CheckpointError: the model's folder does not say how, or asks for what is not done here.
        """
        return read_image_processor(self._pretrained.folder)

    def pixels(self, images: Images) -> Float[Array, "batch channels height width"]:
        """Return the pixels that the model reads.

        Raises:
            CheckpointError: there are images, and the model's folder does not say how to read them.
            ConfigError: a file is no image.
            MissingExtraError: a file is to be read, and Pillow is not installed.
            ShapeError: an array holds other numbers, or has another shape.
        """
        if _is_picture(images):
            images = [images]
        if _has_pictures(images):
            images = [self._processed(one) for one in images]
        try:
            pixels = np.asarray(images)
        except ValueError as error:
            raise ShapeError(f"The images do not fit together: {error}.") from error
        if pixels.dtype.kind != "f" or pixels.ndim not in (3, 4) or not pixels.size:
            raise ShapeError(
                f"Pixels are floats of shape (batch, channels, height, width), rescaled and "
                f"normalised as the model was trained; these are {pixels.dtype} of shape "
                f"{pixels.shape}. Of numbers from 0 to 255, PIL.Image.fromarray makes an image, "
                f"which is rescaled and normalised here."
            )
        return pixels[None] if pixels.ndim == 3 else pixels

    def _processed(self, image: Any) -> Float[Array, "channels height width"]:
        if isinstance(image, str | Path):
            image = read_image(image)
        return self.processor(image) if is_image(image) else np.asarray(image)

    def classify(self, images: Images, *, top: int = 5) -> Any:
        """Return what the model takes images for.

        Args:
            images: see `ImageModel`.
            top: so many labels of each, of those that there are.

        Returns:
            a Classification for a single image, a list of them otherwise.

        Raises:
            CheckpointError: the model has no classifier.
            ConfigError, ShapeError: as `pixels`, or ``top`` is less than 1.
        """
        names, pixels = self.labels, self.pixels(images)
        results: list[Classification] = classify(
            self.logits(pixels)[:, 0], names, self._pretrained.settings, top=top
        )
        return results[0] if _is_single(images) else results

    def logits(  # type: ignore[override]
        self, images: Images, *, mask: Bool[Array, "batch length"] | None = None
    ) -> Float[Array, "batch length labels"]:
        """Return the logits of every position; those at position 0 are the classifier's.

        Args:
            images: see `ImageModel`.
            mask: True where a position may be attended to: the class token, then the patches, row
                by row.

        Raises:
            CheckpointError: the model has no classifier.
            ConfigError, ShapeError: as `pixels`.
        """
        self.require("classify")
        return self.engine.model.forward(pixels=self.pixels(images), mask=mask)

    def hidden(  # type: ignore[override]
        self, images: Images, *, mask: Bool[Array, "batch length"] | None = None
    ) -> Float[Array, "batch length d_model"]:
        """Return the vectors of the last layer: of the class token, then of the patches by rows.

        Args:
            images, mask: as in `logits`.

        Raises:
            ConfigError, ShapeError: as `pixels`.
        """
        return self.engine.model.encode(pixels=self.pixels(images), mask=mask).output

    def trace(  # type: ignore[override]
        self,
        images: Images,
        *,
        keep: str | Iterable[str] | None = None,
        replace: Mapping[str, Replacement] | None = None,
    ) -> Trace:
        """Return every number of one forward pass, in the dtype of the model.

        Args:
            images: see `ImageModel`.
            keep, replace: as in `Trace`.

        Raises:
            ConfigError, ShapeError: as `pixels`.
            TraceError: a replacement matched no step.
        """
        pixels, model = self.pixels(images), self.engine.model
        run = model.forward if self.config.output.matrix else model.encode
        with Trace(keep=keep, replace=replace) as trace:
            run(pixels=pixels, trace=trace)
        return trace

    def logit_lens(  # type: ignore[override]
        self, images: Images, *, position: int = 0, count: int = 5
    ) -> list[LayerReading]:
        """Return what the classifier would say after each layer; tokens are ids of labels.

        Args:
            images: one; see `ImageModel`.
            position: at which it is asked; 0 is that of the class token.
            count: how many labels each reading lists.
        """
        self.require("classify")
        pixels = self.pixels(images)
        return logit_lens(self.engine.model, pixels=pixels, position=position, count=count)

    def attribute(  # type: ignore[override]
        self, images: Images, *, label: int | str | None = None, position: int = 0
    ) -> Attribution:
        """Return what each head, layer and embedding adds to the logit of a label.

        Args:
            images: one; see `ImageModel`.
            label: its id or name; None for the likeliest.
            position: at which it is asked; 0 is that of the class token.

        Raises:
            ConfigError: the model has no label of that name.
        """
        number = self.token_id(label) if isinstance(label, str) else label
        self.require("classify")
        pixels = self.pixels(images)
        return attribute_logit(self.engine.model, pixels=pixels, token=number, position=position)

    def token_id(self, piece: str) -> int:
        """Return the id of a label.

        Raises:
            CheckpointError: the model has no classifier.
            ConfigError: it has no label of that name.
        """
        if piece not in self.labels:
            raise ConfigError(f"{piece!r} is no label of {self.name}; model.labels lists them.")
        return self.labels.index(piece)

    def inputs(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse texts and token ids.

        Raises:
            CheckpointError: always; what the model reads is said.
        """
        raise CheckpointError(
            f"{self.name} is a {self.family}, which reads images and no texts or token ids. Give "
            f"pixels or images to its methods hidden, trace, classify or logits."
        )

    def explore(self, text: str | None = None, **options: Any) -> NoReturn:
        """Refuse the explorer, which shows texts.

        Raises:
            CheckpointError: always.
        """
        raise CheckpointError(
            f"{self.name} reads images, and the explorer shows models that read texts. "
            f"model.trace(images) has every number, and Trace.save keeps it."
        )


def _is_picture(value: Any) -> bool:
    """Tell whether a value is an image that becomes pixels here, or the path of one."""
    return isinstance(value, str | Path) or is_image(value)


def _has_pictures(images: Images) -> bool:
    return isinstance(images, list | tuple) and any(map(_is_picture, images))


def _is_single(images: Images) -> bool:
    """Tell whether images are one alone, and no batch of one."""
    return _is_picture(images) or (not _has_pictures(images) and np.ndim(images) == 3)
