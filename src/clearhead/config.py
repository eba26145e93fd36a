"""The one description of a model that the reference, the layers and a checkpoint share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from .errors import ConfigError
from .setting_fields import check_fields, from_mapping, one_of, within

ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu", "reglu", "geglu", "swiglu")
GATED_ACTIVATIONS = ("reglu", "geglu", "swiglu")
NORMS = ("layer", "rms")
NORM_PLACES = ("before", "after")
POSITIONS = ("none", "sinusoidal", "learned", "rotary", "alibi", "relative")

_Size = Annotated[int, within(least=1)]
_Depth = Annotated[int, within(least=0)]
_Share = Annotated[float, within(least=0, below=1)]
_TokenId = Annotated[int, within(least=0)]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The shape of a Transformer: everything that its weights and its results depend on.

    With ``encoder_layers == 0`` it is a decoder-only model, with ``decoder_layers == 0`` an
    encoder-only one.

    Attributes:
        vocab_size: number of token ids.
        d_model: width of the residual stream.
        num_heads: number of query heads; divides ``d_model``.
        num_kv_heads: number of key and value heads, dividing ``num_heads``; None means as many
            as query heads (fewer is grouped-query attention, 1 is multi-query attention).
        encoder_layers, decoder_layers: depth of each side.
        feed_forward_dim: width of the feed-forward layer between its two projections.
        activation: ``relu``, ``gelu`` (exact), ``gelu_tanh``, ``silu``, or a gated form:
            ``reglu``, ``geglu``, ``swiglu`` (Shazeer 2020, arXiv 2002.05202).
        norm: ``layer`` (Ba et al. 2016) or ``rms`` (Zhang and Sennrich 2019).
        norm_place: ``after`` each residual sum, as in Vaswani et al. 2017, or ``before`` each
            sublayer, with one more norm at the end of each stack.
        positions: ``sinusoidal`` or ``learned`` vectors added to the embeddings, ``rotary``
            (Su et al. 2021), ``alibi`` (Press et al. 2022), T5's ``relative`` bias
            (Raffel et al. 2020), or ``none``. The last three act in self-attention only.
        max_length: the longest source or target, in tokens, start and end tokens included.
        dropout: dropped share of embeddings and of each sublayer's output, in training.
        attention_dropout: dropped share of attention weights, in training.
        bias: whether the linear projections have a bias.
        tied_embeddings: source, target and output share one matrix (Press and Wolf 2017).
        scale_embedding: multiply embeddings by sqrt(d_model), as in Vaswani et al. 2017.
        norm_epsilon: added to the variance (or the mean square) in each norm.
        rotary_base: the base of rotary frequencies.
        relative_buckets, relative_max_distance: of T5's relative bias. An encoder needs at least
            4 buckets, a decoder 2; the distance must be more than a quarter of the buckets in
            an encoder, and than half in a decoder.
        pad_id, start_id, end_id: the special tokens that the model itself must know.
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

    def __post_init__(self) -> None:
        check_fields(self)
        self._check_sizes()
        self._check_token_ids()
        self._check_positions()

    def _check_sizes(self) -> None:
        if self.encoder_layers + self.decoder_layers == 0:
            raise ConfigError("A model needs layers: encoder_layers and decoder_layers are both 0.")
        if self.d_model % self.num_heads:
            raise ConfigError(
                f"d_model must be a multiple of num_heads; {self.d_model} is not a multiple "
                f"of {self.num_heads}."
            )
        if self.key_value_heads < 1 or self.num_heads % self.key_value_heads:
            raise ConfigError(
                f"num_heads must be a multiple of num_kv_heads; {self.num_heads} is not a "
                f"multiple of {self.num_kv_heads}."
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
        if self.positions == "rotary" and self.head_dim % 2:
            raise ConfigError(
                "rotary positions need an even head_dim (d_model / num_heads); "
                f"it is {self.head_dim}."
            )
        if self.positions == "relative":
            self._check_relative_buckets()

    def _check_relative_buckets(self) -> None:
        # An encoder halves the buckets by direction; half of what is left holds one distance each.
        for side, share in (("encoder", 4), ("decoder", 2)):
            if not getattr(self, f"{side}_layers"):
                continue
            exact = self.relative_buckets // share
            if exact < 1:
                raise ConfigError(
                    f"relative_buckets must be at least {share} for a model with {side} layers; "
                    f"it is {self.relative_buckets}."
                )
            if self.relative_max_distance <= exact:
                raise ConfigError(
                    f"relative_max_distance must be more than {exact}, the distances that have a "
                    f"bucket of their own when the {side} has relative_buckets = "
                    f"{self.relative_buckets}; it is {self.relative_max_distance}."
                )

    @property
    def head_dim(self) -> int:
        """Width of one head: ``d_model // num_heads``."""
        return self.d_model // self.num_heads

    @property
    def key_value_heads(self) -> int:
        """Number of key and value heads, ``num_kv_heads`` with its default filled in."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    @property
    def gated(self) -> bool:
        """Whether the feed-forward layer has a gate."""
        return self.activation in GATED_ACTIVATIONS

    def replace(self, **changes: Any) -> TransformerConfig:
        """Return a copy with some settings changed; an unknown one is a ConfigError."""
        return type(self).from_dict({**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as a plain dictionary, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> TransformerConfig:
        """Return the config that `to_dict` described.

        Raises:
            ConfigError: a key is unknown (the known ones are listed), or ``vocab_size`` missing.
        """
        return from_mapping(cls, settings, kind="model")

    def to_json(self) -> str:
        """Return all settings as JSON text."""
        return json.dumps(self.to_dict(), indent=2)
