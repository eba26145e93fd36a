"""From the pixels of images to one vector for each patch.

vectors = [class token; patches W_patches^T + b_patches]

(Dosovitskiy et al. 2020, arXiv 2010.11929.) The product is that of a convolution whose stride is
its kernel's size: no pixel is in two patches.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...config import TransformerConfig
from ...config_parts import PatchConfig
from ...errors import ShapeError
from ...shapes import Array, Float
from ..products import PLAIN, Products
from ..tracing.steps import patches as steps
from ..tracing.watcher import Watcher
from .linear import Linear, weight_and_bias


def cut_into_patches(
    pixels: Float[Array, "batch channels height width"], part: PatchConfig
) -> Float[Array, "batch patch_rows patch_columns pixels"]:
    """Return the pixels of each patch, channel by channel, row by row."""
    whole = pixels[:, :, : part.rows * part.height, : part.columns * part.width]
    shape = (len(pixels), part.channels, part.rows, part.height, part.columns, part.width)
    rows_first = whole.reshape(shape).transpose(0, 2, 4, 1, 3, 5)
    return rows_first.reshape(len(pixels), part.rows, part.columns, part.pixels)


class Patches:
    """The vectors of the patches of images, after that of the class token where there is one.

    Args:
        config: of the model.
        weights: of the whole model.
        products: how matrices are multiplied.
    """

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        *,
        products: Products = PLAIN,
    ) -> None:
        self._part = config.patches
        self._linear = Linear(*weight_and_bias(weights, "patches"), products=products)
        self._class_token = weights.get("class_token.weight")
        self._dtype = weights["patches.weight"].dtype

    def __call__(
        self, pixels: Float[Array, "batch channels height width"], *, trace: Watcher
    ) -> Float[Array, "batch length d_model"]:
        """Return the vectors, as they are before positions are added.

        Raises:
            ShapeError: the images are of another size than the model's.
        """
        part = self._part
        size = (part.channels, part.image_height, part.image_width)
        if pixels.ndim != 4 or pixels.shape[1:] != size:
            raise ShapeError(
                f"This model reads images of {size[0]} channels, {size[1]} pixels high and "
                f"{size[2]} wide, as an array (batch, {', '.join(map(str, size))}); this one has "
                f"the shape {pixels.shape}. Resize the images first: positions of patches are "
                f"learned for one size, and are not interpolated."
            )
        pixels = trace.record(steps.PIXELS, pixels.astype(self._dtype))
        patches = trace.record(steps.PATCHES, cut_into_patches(pixels, part))
        vectors = trace.record(steps.PATCH_VECTORS, self._linear(patches))
        first = self._class_token
        x = vectors.reshape(len(vectors), part.rows * part.columns, -1)
        x = trace.record(steps.SEQUENCE[first is not None], x)
        if first is None:
            return x
        x = np.concatenate([np.broadcast_to(first, (len(x), *first.shape)), x], axis=1)
        return trace.record(steps.WITH_CLASS_TOKEN, x)
