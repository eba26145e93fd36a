"""Direct logit attribution: what each head, each feed-forward layer and the embedding added.

The residual stream is a sum: the embedding, and what each sublayer adds. Followed back from a logit
(`clearhead.lens.direction`), each summand's share of it is exact, and the shares add up to the
logit. These are direct effects: what a head wrote at earlier positions, and other heads moved here,
counts as theirs (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ConfigError, ShapeError
from ..reference.tracing.editing import is_edited
from ..reference.tracing.trace import Trace
from ..reference.transformer import Transformer
from ..shapes import Array, Bool, Float, Int
from .direction import NormStatistics

STEPS = (
    "*.variance", "*.mean_square", "*.concatenated", "*.projected", "*feed_forward.output",
    "*coder.embedding", "*coder.scaled_embedding", "*coder.positions", "*coder.token_types",
    "*coder.output", "logits", "uncapped_logits",
)  # fmt: skip
"""What of a forward pass it needs: patterns for a trace to keep."""
_CLOSE = 1e-3  # relative to the largest summand: more than float32 rounding can explain


@dataclass(frozen=True)
class Summand:
    """One summand of a logit.

    Attributes:
        path: what added it: a step, such as ``decoder.layers.0.feed_forward``, or a weight.
        kind: ``embedding``, ``head``, ``feed_forward`` or ``bias``.
        value: what it added.
        layer, head: of a head or a feed-forward layer, counted from 0; None elsewhere.
    """

    path: str
    kind: Literal["embedding", "head", "feed_forward", "bias"]
    value: float
    layer: int | None = None
    head: int | None = None

    @property
    def name(self) -> str:
        """Its name in tables: the path, and the number of the head."""
        return self.path if self.head is None else f"{self.path} head {self.head}"


@dataclass(frozen=True)
class Attribution:
    """A logit, and the summands that make it.

    Attributes:
        token: id of the token whose logit it is.
        position: at which it is predicted.
        logit: as the model computed it, before a softcap if there is one.
        summands: from the embedding to the output's bias.
    """

    token: int
    position: int
    logit: float
    summands: tuple[Summand, ...]

    @property
    def total(self) -> float:
        """The sum of all summands."""
        return sum(summand.value for summand in self.summands)

    @property
    def error(self) -> float:
        """The distance of the sum from the logit, which is only rounding."""
        return abs(self.total - self.logit)

    def largest(self, count: int = 10) -> list[Summand]:
        """Return the summands that move the logit most, up or down."""
        return sorted(self.summands, key=lambda summand: -abs(summand.value))[:count]

    def __repr__(self) -> str:
        rows = [f"{summand.value:+12.6f}  {summand.name}" for summand in self.largest()]
        rest = len(self.summands) - len(rows)
        more = [f"{'':12s}  and {rest} more"] if rest > 0 else []
        head = f"Logit of token {self.token} after position {self.position}: {self.logit:.6f}"
        return "\n".join([head, *rows, *more])


def attribute_logit(
    model: Transformer,
    source_ids: Int[Array, "batch source_len"] | None = None,
    target_ids: Int[Array, "batch target_len"] | None = None,
    *,
    token: int | None = None,
    position: int = -1,
    row: int = 0,
    mask: Bool[Array, "batch length"] | None = None,
    pixels: Float[Array, "batch channels height width"] | None = None,
) -> Attribution:
    """Return what every part of the last stack adds to one logit.

    Args:
        model: of the reference; in float64 the sums are exact to about 1e-10.
        source_ids, target_ids: as `Transformer.forward` takes them.
        token: whose logit; None for the likeliest.
        position: at which it is predicted; negative counts from the last.
        row: of the batch.
        mask: True where a position is real, as `Transformer.forward` takes it.
        pixels: images instead of ``source_ids``, for a model that reads such.

    Raises:
        ConfigError: a layer with an activation is between the stream and the logits, as in BERT's
            head for masked words, so that the logit is no sum; or an edit of `clearhead.intervene`
            changes the sum itself.
        ShapeError: there is no such position or token.
    """
    trace = Trace(keep=STEPS)
    model.forward(source_ids, target_ids, pixels=pixels, mask=mask, trace=trace)
    attribution = attribute_traced_logit(model, trace, token=token, position=position, row=row)
    largest = max(1.0, *(abs(summand.value) for summand in attribution.summands))
    if is_edited(model) and attribution.error > _CLOSE * largest:
        raise ConfigError(
            "An edit changes the residual stream or the logits themselves, which are then no sum "
            f"of what the parts add: they leave {attribution.error:g} open. Edit what goes into "
            "the stream: heads, edges, queries, keys, values, or a feed-forward's output."
        )
    return attribution


def attribute_traced_logit(
    model: Transformer,
    trace: Trace,
    *,
    token: int | None = None,
    position: int = -1,
    row: int = 0,
) -> Attribution:
    """Do what `attribute_logit` does, with a trace of the whole forward pass.

    Raises:
        ConfigError, ShapeError: as `attribute_logit`.
    """
    if model.config.output.transform is not None:
        raise ConfigError(
            "This model has a layer with an activation between its last hidden vectors and the "
            "logits, so a logit is no sum of what its layers add. Ask for a hidden vector instead."
        )
    logits = _uncapped_logits(trace)
    position = _index("position", position, logits.shape[1])
    if token is None:
        token = int(logits[row, position].argmax())
    token = _index("token", token, logits.shape[2])
    walk = _Walk(model, trace, row, position)
    summands = tuple(reversed(list(walk.summands(token))))
    return Attribution(token, position, float(logits[row, position, token]), summands)


def _uncapped_logits(trace: Trace) -> Array:
    """Return the logits before a softcap, of which they are a sum."""
    return trace["uncapped_logits" if "uncapped_logits" in trace else "logits"].value


def _index(name: str, index: int, count: int) -> int:
    if not -count <= index < count:
        raise ShapeError(f"{name} must be from {-count} to {count - 1} here; it is {index}.")
    return index % count


class _Walk:
    """The walk back from a logit to the embedding, through the last stack of one forward pass."""

    def __init__(self, model: Transformer, trace: Trace, row: int, position: int) -> None:
        self.model, self.config, self.trace = model, model.config, trace
        self.stack = "decoder" if model.decoder_layers else "encoder"
        self.side = "target" if model.decoder_layers else "source"
        self.row, self.position = row, position
        epsilon = self.config.norm_epsilon
        self.norms = NormStatistics(trace, model.weights, epsilon, row, position)
        self.direction = np.zeros(self.config.d_model)

    def vector(self, path: str) -> Float[Array, "width"]:
        """Return the vector of a step at the position."""
        value = self.trace[path].value
        return value[self.row, self.position] if value.ndim == 3 else value[self.position]

    def summands(self, token: int) -> Iterator[Summand]:
        """Yield the summands of a token's logit, the last first."""
        weights, output = self.model.weights, self.config.output
        # In the precision that is computed in: weights may be stored in a lower one.
        row = weights[f"{self.config.output_name}.weight"][token].astype(self.model.dtype)
        self.direction = row * (output.scale or 1.0)
        if output.bias:
            yield Summand("output.bias", "bias", float(weights["output.bias"][token]))
        if self.config.norm_place != "after":
            yield from self._through_norm(f"{self.stack}.norm")
        layers = getattr(self.model, f"{self.stack}_layers")
        for layer in reversed(range(len(layers))):
            yield from self._layer(layer, has_cross_attention=self._has_cross_attention)
        yield from self._embedding()

    @property
    def _has_cross_attention(self) -> bool:
        return self.stack == "decoder" and self.config.encoder_layers > 0

    def _through_norm(self, path: str) -> Iterator[Summand]:
        self.direction, bias = self.norms.before(path, self.direction)
        if f"{path}.bias" in self.model.weights:
            yield Summand(f"{path}.bias", "bias", bias)

    def _layer(self, layer: int, *, has_cross_attention: bool) -> Iterator[Summand]:
        names = ["self_attention", "cross_attention", "feed_forward"]
        if not has_cross_attention:
            names.remove("cross_attention")
        for name in reversed(names):
            path = f"{self.stack}.layers.{layer}.{name}"
            if self.config.norm_place == "after":
                yield from self._through_norm(f"{path}_norm")
            stream = self.direction
            if self.config.norm_place == "both":
                yield from self._through_norm(f"{path}_output_norm")
            if name == "feed_forward":
                value = float(self.vector(f"{path}.output") @ self.direction)
                yield Summand(path, "feed_forward", value, layer)
            else:
                yield from self._heads(path, layer)
            self.direction = stream

    def _heads(self, path: str, layer: int) -> Iterator[Summand]:
        weights = self.model.weights
        bias = weights.get(f"{path}.output.bias")
        if bias is not None:
            yield Summand(f"{path}.output.bias", "bias", float(bias @ self.direction), layer)
        # Before the output projection, where heads are separate.
        direction = self.direction @ weights[f"{path}.output.weight"]
        shares = self.vector(f"{path}.concatenated") * direction
        heads = self.config.of_stack(self.stack).num_heads
        values = shares.reshape(heads, -1).sum(axis=1)
        for head in reversed(range(heads)):
            yield Summand(path, "head", float(values[head]), layer, head)

    def _embedding(self) -> Iterator[Summand]:
        if self.config.embedding.norm:
            yield from self._through_norm(f"{self.side}_embedding_norm")
        for name in ("token_types", "positions"):
            if f"{self.stack}.{name}" in self.trace:
                path = f"{self.stack}.{name}"
                yield Summand(path, "embedding", float(self.vector(path) @ self.direction))
        name = "scaled_embedding" if self.config.scale_embedding else "embedding"
        path = f"{self.stack}.{name}"
        yield Summand(path, "embedding", float(self.vector(path) @ self.direction))
