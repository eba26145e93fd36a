"""A model that reads images, as one object: labels, logits, hidden vectors, traces."""

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
"""An array of pixels, or a Pillow image or an image's path, or a list of images or paths."""


class ImageModel(Model):
    """The object that `clearhead.load` returns for a model that reads images.

    Images can be arrays of pixels that are already resized, rescaled and normalised:
    Float["batch channels height width"], or without the batch axis for a single one. They can also
    be Pillow images or paths of files, one or a list of them, which are processed as the model's
    ``preprocessor_config.json`` says.

    Args:
        source: the result of `read_pretrained`.
        name: the name of the model.
        dtype: the dtype to compute in, float32 or float64.
    """

    def __init__(
        self, source: PretrainedModel, *, name: str = "model", dtype: Any = "float32"
    ) -> None:
        super().__init__(source, name=name, dtype=dtype)
        self._pretrained = source

    @property
    def tasks(self) -> frozenset[str]:
        """The model's tasks: ``classify``, or none if it has no classifier."""
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
        """The processor that turns images into pixels.

        Raises:
            CheckpointError: the model's folder has no settings for it, or asks for something that
                is not supported.
        """
        return read_image_processor(self._pretrained.folder)

    def pixels(self, images: Images) -> Float[Array, "batch channels height width"]:
        """Return the pixels that the model reads.

        Raises:
            CheckpointError: images or paths were given, and the model's folder does not say how to
                process them.
            ConfigError: a file is not an image.
            MissingExtraError: a file must be read, and Pillow is not installed.
            ShapeError: an array has values that cannot be pixels, or another shape.
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
        """Return the predicted labels of images.

        Args:
            images: see `ImageModel`.
            top: the largest number of labels for each image.

        Returns:
            a Classification for a single image, otherwise a list of them.

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
            mask: True where a position may be attended to: first the class token, then the patches,
                row by row.

        Raises:
            CheckpointError: the model has no classifier.
            ConfigError, ShapeError: as `pixels`.
        """
        self.require("classify")
        return self.engine.model.forward(pixels=self.pixels(images), mask=mask)

    def hidden(  # type: ignore[override]
        self, images: Images, *, mask: Bool[Array, "batch length"] | None = None
    ) -> Float[Array, "batch length d_model"]:
        """Return the last hidden vectors: the class token's, then those of the patches by rows.

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
        """Return the classifier's prediction after each layer; tokens are ids of labels.

        Args:
            images: one; see `ImageModel`.
            position: the position to read from; 0 is the class token's.
            count: the number of labels in each reading.
        """
        self.require("classify")
        pixels = self.pixels(images)
        return logit_lens(self.engine.model, pixels=pixels, position=position, count=count)

    def attribute(  # type: ignore[override]
        self, images: Images, *, label: int | str | None = None, position: int = 0
    ) -> Attribution:
        """Return the contribution of each head, layer and embedding to the logit of a label.

        Args:
            images: one; see `ImageModel`.
            label: its id or name; None for the likeliest.
            position: the position to read from; 0 is the class token's.

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
            CheckpointError: always; the message says what the model reads.
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
    """Return whether a value is an image to be processed, or the path of one."""
    return isinstance(value, str | Path) or is_image(value)


def _has_pictures(images: Images) -> bool:
    return isinstance(images, list | tuple) and any(map(_is_picture, images))


def _is_single(images: Images) -> bool:
    """Return whether the value is a single image, as opposed to a batch of one."""
    return _is_picture(images) or (not _has_pictures(images) and np.ndim(images) == 3)
