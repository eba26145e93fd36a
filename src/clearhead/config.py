"""The description of a model that the reference, the layers and checkpoints share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from .config_parts import (
    AttentionConfig,
    DecoderConfig,
    EmbeddingConfig,
    OutputConfig,
    PatchConfig,
    RotaryConfig,
    check_buckets,
)
from .errors import ConfigError
from .setting_fields import check_fields, from_mapping, one_of, within

ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu", "reglu", "geglu", "geglu_tanh", "swiglu")
GATED_ACTIVATIONS = ("reglu", "geglu", "geglu_tanh", "swiglu")
NORMS = ("layer", "rms")
NORM_PLACES = ("before", "after", "both")
POSITIONS = ("none", "sinusoidal", "learned", "rotary", "alibi", "relative")

_PARTS = {
    "attention": AttentionConfig,
    "rotary": RotaryConfig,
    "embedding": EmbeddingConfig,
    "patches": PatchConfig,
    "output": OutputConfig,
    "decoder": DecoderConfig,
}

_Size = Annotated[int, within(least=1)]
_Depth = Annotated[int, within(least=0)]
_Share = Annotated[float, within(least=0, below=1)]
_TokenId = Annotated[int, within(least=0)]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The architecture of a Transformer: all settings that its weights and results depend on.

    With ``encoder_layers == 0`` it is a decoder-only model, with ``decoder_layers == 0`` an
    encoder-only one.

    Attributes:
        vocab_size: number of token ids; number of labels in a model that reads images.
        d_model: width of the residual stream.
        num_heads: number of query heads; divides ``d_model``.
        num_kv_heads: number of key and value heads, dividing ``num_heads``; None means as many
            as query heads (fewer is grouped-query attention, 1 is multi-query attention).
        encoder_layers, decoder_layers: number of layers of each side.
        feed_forward_dim: width of the feed-forward layer between its two projections.
        activation: ``relu``, ``gelu`` (exact), ``gelu_tanh``, ``silu``, or a gated form:
            ``reglu``, ``geglu``, ``geglu_tanh``, ``swiglu`` (Shazeer 2020, arXiv 2002.05202).
        norm: ``layer`` (Ba et al. 2016) or ``rms`` (Zhang and Sennrich 2019).
        norm_place: ``after`` each residual sum, as in Vaswani et al. 2017, ``before`` each
            sublayer, with one more norm at the end of each stack, or ``both`` before and after
            each sublayer, inside the residual sum, and at the end (Gemma 2).
        parallel_sublayers: whether attention and feed-forward read the same input, and both outputs
            are added to it (GPT-J, GPT-NeoX); only with norms ``before``, in a model without
            cross-attention.
        positions: ``sinusoidal`` or ``learned`` vectors added to the embeddings, ``rotary``
            (Su et al. 2021), ``alibi`` (Press et al. 2022), T5's ``relative`` bias
            (Raffel et al. 2020), or ``none``. The last three act in self-attention only.
        max_length: the longest source or target, in tokens, start and end tokens included.
        dropout: the dropout rate of embeddings and of each sublayer's output, in training.
        attention_dropout: the dropout rate of attention weights, in training.
        bias: whether the linear projections have a bias.
        tied_embeddings: source, target and output share one matrix (Press and Wolf 2017).
        scale_embedding: multiply embeddings by sqrt(d_model), as in Vaswani et al. 2017.
        norm_epsilon: added to the variance (or the mean square) in each norm.
        rotary_base: the base of rotary frequencies.
        relative_buckets, relative_max_distance: of T5's relative bias. An encoder needs at least
            4 buckets, a decoder 2. The distance must exceed a quarter of the number of buckets in
            an encoder, and half of it in a decoder.
        pad_id, start_id, end_id: the ids of the special tokens that the model uses.
        attention, rotary, embedding, patches, output, decoder: further settings, grouped by part
            of the model.
    """

    vocab_size: _Size
    d_model: _Size = 256
    num_heads: _Size = 4
    num_kv_heads: int | None = None
    encoder_layers: _Depth = 4
    decoder_layers: _Depth = 2
    feed_forward_dim: _Size = 1024
    activation: Annotated[str, one_of(*ACTIVATIONS)] = "relu"
    norm: Annotated[str, one_of(*NORMS)] = "layer"
    norm_place: Annotated[str, one_of(*NORM_PLACES)] = "before"
    parallel_sublayers: bool = False
    positions: Annotated[str, one_of(*POSITIONS)] = "sinusoidal"
    max_length: _Size = 256
    dropout: _Share = 0.1
    attention_dropout: _Share = 0.0
    bias: bool = True
    tied_embeddings: bool = True
    scale_embedding: bool = True
    norm_epsilon: Annotated[float, within(least=0)] = 1e-5
    rotary_base: Annotated[float, within(above=0)] = 10000.0
    relative_buckets: int = 32
    relative_max_distance: int = 128
    pad_id: _TokenId = 0
    start_id: _TokenId = 1
    end_id: _TokenId = 2
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    rotary: RotaryConfig = field(default_factory=RotaryConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    patches: PatchConfig = field(default_factory=PatchConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.encoder_layers + self.decoder_layers == 0:
            raise ConfigError("A model needs layers: encoder_layers and decoder_layers are both 0.")
        self._check_sizes()
        self._check_layers()
        self._check_token_ids()
        self._check_positions()
        self._check_images()
        if self.decoder != DecoderConfig():
            self.of_stack("decoder")  # builds a config of these sizes, and so checks them

    def _check_sizes(self) -> None:
        if self.attention.head_dim is None and self.d_model % self.num_heads:
            raise ConfigError(
                f"d_model must be a multiple of num_heads; {self.d_model} is not a multiple "
                f"of {self.num_heads}."
            )
        if self.key_value_heads < 1 or self.num_heads % self.key_value_heads:
            raise ConfigError(
                f"num_heads must be a multiple of num_kv_heads; {self.num_heads} is not a "
                f"multiple of {self.num_kv_heads}."
            )

    def _check_layers(self) -> None:
        if self.parallel_sublayers and self.norm_place != "before":
            raise ConfigError(
                f"parallel_sublayers need norm_place before; it is {self.norm_place}."
            )
        if self.parallel_sublayers and self.encoder_layers and self.decoder_layers:
            raise ConfigError("parallel_sublayers leave no place for cross-attention.")
        if any(self.attention.windows) and not self.decoder_layers:
            raise ConfigError("attention.windows are for decoder layers; decoder_layers is 0.")
        if self.embedding.token_types and self.decoder_layers:
            raise ConfigError("embedding.token_types are for models without a decoder.")
        if not self.output.matrix and self.tied_output:
            raise ConfigError("output.matrix is false, and the output is tied to an embedding.")
        if self.output.labels and (self.decoder_layers or self.reads_images):
            raise ConfigError("output.labels are for models that read texts, without a decoder.")

    def _check_images(self) -> None:
        """Refuse the settings that a model of images cannot have."""
        if not self.reads_images:
            return
        wrong = {
            "decoder_layers": self.decoder_layers,
            "tied_embeddings": self.tied_embeddings,
            "output.tied": self.tied_output,
            "scale_embedding": self.scale_embedding,
            "embedding.token_types": self.embedding.token_types,
            "embedding.position_offset": self.embedding.position_offset,
        }
        settings = [f"{name} is {value}" for name, value in wrong.items() if value]
        if settings:
            raise ConfigError(
                f"A model with patches reads images, which have no tokens, and the vectors of "
                f"whose patches are not scaled; but {', '.join(settings)}."
            )
        if self.patches.length > self.max_length:
            raise ConfigError(
                f"An image has {self.patches.length} positions, and max_length is "
                f"{self.max_length}."
            )

    def _check_token_ids(self) -> None:
        for name in ("pad_id", "start_id", "end_id"):
            if getattr(self, name) >= self.vocab_size:
                raise ConfigError(
                    f"{name} must be a token id below vocab_size ({self.vocab_size}); "
                    f"it is {getattr(self, name)}."
                )

    def _check_positions(self) -> None:
        if self.positions == "sinusoidal" and self.d_model % 2:
            raise ConfigError(f"sinusoidal positions need an even d_model; it is {self.d_model}.")
        if self.positions == "rotary" and self.rotary.dim is None and self.head_dim % 2:
            raise ConfigError(
                "rotary positions need an even head_dim (d_model / num_heads); "
                f"it is {self.head_dim}."
            )
        if self.positions == "rotary" and self.rotary_dim > self.head_dim:
            raise ConfigError(
                f"rotary dim is {self.rotary_dim}, more than head_dim, {self.head_dim}."
            )
        embedding = self.embedding
        if embedding.position_offset and self.positions not in ("sinusoidal", "learned"):
            raise ConfigError(
                f"embedding.position_offset is for sinusoidal and learned positions; "
                f"positions is {self.positions}."
            )
        if embedding.skip_padding and not embedding.position_offset:
            raise ConfigError("embedding.skip_padding needs a position_offset of at least 1.")
        if self.positions == "relative":
            for side, depth in (("encoder", self.encoder_layers), ("decoder", self.decoder_layers)):
                if depth:
                    check_buckets(self.relative_buckets, self.relative_max_distance, side)

    @property
    def head_dim(self) -> int:
        """Width of one head: ``attention.head_dim`` if it is set, else ``d_model // num_heads``."""
        return self.attention.head_dim or self.d_model // self.num_heads

    @property
    def rotary_dim(self) -> int:
        """The number of entries of each head that rotary positions rotate."""
        return self.rotary.dim or self.head_dim

    @property
    def attention_bias(self) -> bool:
        """Whether the projections to queries, keys and values have a bias."""
        return self.bias if self.attention.bias is None else self.attention.bias

    @property
    def attention_output_bias(self) -> bool:
        """Whether the projection of the heads' outputs has a bias."""
        return self.bias if self.attention.output_bias is None else self.attention.output_bias

    @property
    def reads_images(self) -> bool:
        """Whether the encoder reads patches of images instead of token ids."""
        return self.patches.height > 0

    @property
    def tied_output(self) -> bool:
        """Whether the output matrix is shared with an embedding."""
        tied = self.tied_embeddings if self.output.tied is None else self.output.tied
        return tied and not self.output.labels

    @property
    def output_size(self) -> int:
        """The number of logits of a position: one for each token, or for each label."""
        return self.output.labels or self.vocab_size

    def embedding_name(self, side: str) -> str:
        """Return the name of a side's embedding weight; the side is ``source`` or ``target``."""
        return "embedding" if self.tied_embeddings else f"{side}_embedding"

    @property
    def output_name(self) -> str:
        """The name of the output matrix's weight."""
        if not self.tied_output:
            return "output"
        return self.embedding_name("target" if self.decoder_layers else "source")

    def window(self, layer: int) -> int:
        """Return the number of positions that a query of a decoder layer sees; 0 for no limit."""
        windows = self.attention.windows
        return windows[layer % len(windows)] if windows else 0

    def of_stack(self, stack: str) -> TransformerConfig:
        """Return the config with the sizes of one stack, ``encoder`` or ``decoder``."""
        if stack == "encoder" or self.decoder == DecoderConfig():
            return self
        sizes = {name: size for name, size in vars(self.decoder).items() if size is not None}
        return dataclasses.replace(self, **sizes, decoder=DecoderConfig())

    @property
    def key_value_heads(self) -> int:
        """Number of key and value heads, ``num_kv_heads`` with its default filled in."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    @property
    def gated(self) -> bool:
        """Whether the feed-forward layer has a gate."""
        return self.activation in GATED_ACTIVATIONS

    def replace(self, **changes: Any) -> TransformerConfig:
        """Return a copy with some settings changed; an unknown setting raises a ConfigError."""
        return type(self).from_dict({**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a plain dictionary, ready for JSON.

        A nested part that has only default values is left out.
        """
        unchanged = {name for name, part in _PARTS.items() if getattr(self, name) == part()}
        if not self.parallel_sublayers:
            unchanged.add("parallel_sublayers")
        settings = dataclasses.asdict(self)
        for name, usual in (("matrix", True), ("labels", 0), ("transform_norm", True)):
            if settings["output"][name] == usual:
                del settings["output"][name]
        return {name: value for name, value in settings.items() if name not in unchanged}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> TransformerConfig:
        """Return the config of a dictionary made by `to_dict`.

        Raises:
            ConfigError: a key is unknown (the known ones are listed), or ``vocab_size`` is missing.
        """
        return from_mapping(cls, settings, kind="model")

    def to_json(self) -> str:
        """Return all settings as JSON text."""
        return json.dumps(self.to_dict(), indent=2)
