"""Parts of a model's config: attention, rotary positions, embedding, patches, output, decoder.

The defaults of each part describe the Transformer of Vaswani et al. 2017; other models change
some of them. `clearhead.config.TransformerConfig` holds one of each part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .errors import ConfigError
from .setting_fields import check_fields, one_of, within

TRANSFORMS = ("relu", "gelu", "gelu_tanh", "silu", "tanh")
SINUSOIDS = ("interleaved", "halves", "halves_to_end")
ROTARY_SCALINGS = ("none", "linear", "llama3")

_Size = Annotated[int, within(least=1)]
_Count = Annotated[int, within(least=0)]
_Positive = Annotated[float, within(above=0)]


@dataclass(frozen=True, kw_only=True)
class AttentionConfig:
    """How the heads of a model attend.

    Attributes:
        head_dim: width of one head; None means ``d_model // num_heads``.
        scale: factor of the scores; None means ``1 / sqrt(head_dim)``. T5 has 1.
        softcap: bends scores into (-softcap, softcap) (Gemma 2, arXiv 2408.00118); None for none.
        bias: whether the projections to queries, keys and values have a bias; None: as the
            model's other linear layers. In Qwen 2 only these projections have one.
        output_bias: the same for the projection of the heads' outputs.
        head_norm: whether each head's query and key pass through a root-mean-square norm of
            their own, before positions rotate them (Qwen 3, Gemma 3).
        windows: the number of positions that a query of each decoder layer sees in self-attention,
            its own included; 0 for no limit. The pattern repeats over the layers. Empty: no
            windows.
    """

    head_dim: _Size | None = None
    scale: _Positive | None = None
    softcap: _Positive | None = None
    bias: bool | None = None
    output_bias: bool | None = None
    head_norm: bool = False
    windows: tuple[_Count, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class RotaryConfig:
    """The settings of rotary positions other than the base (``rotary_base`` of the model).

    Attributes:
        dim: the number of entries of each head that are rotated, the first ones; None for all.
        local_base: the base in layers with a window, where it differs (Gemma 3).
        scaling: ``linear`` divides every frequency by ``factor``. ``llama3`` divides those of long
            wavelengths, and blends those of medium ones (Llama 3.1). Layers that use
            ``local_base`` are not scaled.
        factor, low_frequency_factor, high_frequency_factor, original_length: of the scaling, named
            as in Llama 3.1; only ``llama3`` uses the last three.
    """

    dim: _Size | None = None
    local_base: _Positive | None = None
    scaling: Annotated[str, one_of(*ROTARY_SCALINGS)] = "none"
    factor: _Positive = 1.0
    low_frequency_factor: _Positive = 1.0
    high_frequency_factor: _Positive = 4.0
    original_length: _Size = 8192

    def __post_init__(self) -> None:
        check_fields(self)
        if self.dim is not None and self.dim % 2:
            raise ConfigError(f"rotary dim must be even, for pairs; it is {self.dim}.")
        if self.low_frequency_factor >= self.high_frequency_factor:
            raise ConfigError(
                f"low_frequency_factor must be below high_frequency_factor; they are "
                f"{self.low_frequency_factor} and {self.high_frequency_factor}."
            )


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig:
    """How tokens become the vectors that the first layer reads.

    Attributes:
        norm: whether the sum of the vectors passes through a norm (BART, BERT).
        token_types: the number of token types, each with a vector that is added; 0 for none (BERT
            has 2).
        position_offset: the row of the table of positions, learned or sinusoidal, for the first
            position (BART 2; RoBERTa and M2M100 the padding id plus 1).
        skip_padding: whether positions count only the tokens that are not padding; padding itself
            uses the row before the first position (RoBERTa, M2M100).
        sinusoid: the order of sines and cosines: ``interleaved`` in pairs of columns (Vaswani
            et al. 2017), ``halves`` (Marian), or ``halves_to_end``, whose slowest wavelength is
            exactly 2 pi 10000 (fairseq, M2M100).
    """

    norm: bool = False
    token_types: _Count = 0
    position_offset: _Count = 0
    skip_padding: bool = False
    sinusoid: Annotated[str, one_of(*SINUSOIDS)] = "interleaved"

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class PatchConfig:
    """How an image becomes the vectors that the encoder reads (Dosovitskiy et al. 2020).

    The image is cut into patches, row by row. A patch's pixels form one vector, all rows of one
    channel before those of the next, and a linear layer projects it; this equals a strided
    convolution. Pixels at the right and bottom edges that do not fill a patch are ignored.

    Attributes:
        height, width: of a patch, in pixels; 0 for a model that reads token ids.
        image_height, image_width: of the images, in pixels.
        channels: number of channels of the images: 3 for colour images.
        class_token: whether a learned vector is placed before the patches, at position 0.
    """

    height: _Count = 0
    width: _Count = 0
    image_height: _Count = 0
    image_width: _Count = 0
    channels: _Size = 3
    class_token: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        sizes = (self.height, self.width, self.image_height, self.image_width)
        if not any(sizes) and not self.class_token and self.channels == 3:
            return
        for side in ("height", "width"):
            patch, image = getattr(self, side), getattr(self, f"image_{side}")
            if not 1 <= patch <= image:
                raise ConfigError(
                    f"patches.{side} must be at least 1 and at most patches.image_{side}; they are "
                    f"{patch} and {image}."
                )

    @property
    def rows(self) -> int:
        """The number of rows of patches."""
        return self.image_height // self.height

    @property
    def columns(self) -> int:
        """The number of columns of patches."""
        return self.image_width // self.width

    @property
    def pixels(self) -> int:
        """The number of values of one patch, over all channels."""
        return self.channels * self.height * self.width

    @property
    def length(self) -> int:
        """The number of positions of an image: its patches, and the class token."""
        return self.rows * self.columns + self.class_token


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """How the last hidden vectors become logits.

    Attributes:
        matrix: whether there is an output matrix. A model without one gives hidden vectors but no
            logits.
        tied: whether the output matrix is the embedding of the target (of the source, if there is
            no decoder); None means as ``tied_embeddings``. T5 v1.1 shares one embedding between
            source and target, and has an output matrix of its own.
        labels: the number of labels in a model that classifies texts. Such a model has only an
            encoder, and uses the logits at its first position. 0: the logits are of the vocabulary.
        bias: whether a bias is added to the logits (Marian, BART, BERT).
        scale: factor of the hidden vectors; None for none. T5 v1.0 has ``d_model ** -0.5``.
        softcap: bends logits into (-softcap, softcap) (Gemma 2); None for none.
        transform: the activation of a linear layer before the output matrix (as in BERT's head for
            masked words); None: there is no such layer.
        transform_norm: whether a norm follows this layer. BERT's head for labels has the layer,
            with tanh, but no norm.
    """

    matrix: bool = True
    tied: bool | None = None
    labels: _Count = 0
    bias: bool = False
    scale: _Positive | None = None
    softcap: _Positive | None = None
    transform: Annotated[str, one_of(*TRANSFORMS)] | None = None
    transform_norm: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        numbers = (self.scale, self.softcap, self.transform)
        if self.labels and self.tied:
            raise ConfigError(
                f"output.tied is true, and the matrix of {self.labels} labels is no embedding of "
                f"tokens. Leave output.tied out."
            )
        if not self.transform_norm and self.transform is None:
            raise ConfigError(
                "output.transform_norm is false, and there is no output.transform that it could "
                "follow. Leave it out."
            )
        if not self.matrix and (self.bias or self.labels or numbers != (None, None, None)):
            raise ConfigError(
                "output.matrix is false: without logits there is nothing for another setting of "
                "the output to change."
            )


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Sizes of decoder layers where they differ from the encoder's; None: they are the same.

    Attributes:
        num_heads, num_kv_heads, feed_forward_dim: as in the model's config.
    """

    num_heads: _Size | None = None
    num_kv_heads: _Size | None = None
    feed_forward_dim: _Size | None = None

    def __post_init__(self) -> None:
        check_fields(self)


def check_buckets(buckets: int, max_distance: int, side: str) -> None:
    """Check the buckets of T5's relative positions in an ``encoder`` or a ``decoder``.

    An encoder uses half of the buckets for each direction. Half of the buckets of a direction hold
    one distance each; the others share the larger distances up to the maximum.

    Raises:
        ConfigError: there are too few buckets, or no distances to share.
    """
    least = 4 if side == "encoder" else 2
    exact = buckets // least
    if exact < 1:
        raise ConfigError(
            f"relative_buckets must be at least {least} for a model with {side} layers; it is "
            f"{buckets}."
        )
    if max_distance <= exact:
        raise ConfigError(
            f"relative_max_distance must be more than {exact}, the distances that have a bucket "
            f"of their own when the {side} has relative_buckets = {buckets}; it is {max_distance}."
        )
