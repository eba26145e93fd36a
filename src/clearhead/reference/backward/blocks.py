"""Backwards through one layer: each sublayer with its residual sum and its norms.

Norms before:    y = x + f(norm(x))          dx = dy + back through norm and f
Norms after:     y = norm(x + f(x))          ds = back through norm,  dx = ds + back through f
Norms on both:   y = x + norm'(f(norm(x)))   dx = dy + back through norm', f and norm

Thanks to the residual, gradients reach the first layer of a deep model: whatever f is, dy itself is
one of the summands.
"""

from __future__ import annotations

from typing import NamedTuple

from ...config import TransformerConfig
from ...shapes import Array, Float
from ..tracing.steps import attention_gradients as attention_steps
from ..tracing.steps import gradients as steps
from .feed_forward import through_feed_forward
from .multi_head import MultiHeadGradients, Reading, Turn, through_multi_head
from .norms import through_norm
from .scope import Scope


class LayerGradients(NamedTuple):
    """The gradients of a layer's inputs.

    Attributes:
        input: and the path of the step that it is.
        masked: of the scores of self-attention, as softmax read them.
        memory: of the encoder's output, from this layer and those after it; None without one.
    """

    input: Reading
    masked: Float[Array, "batch heads query_len key_len"]
    memory: Reading | None


def through_layer(
    scope: Scope,
    d_output: Reading,
    config: TransformerConfig,
    turn: Turn,
    *,
    memory: Reading | None = None,
    later: Reading | None = None,
) -> LayerGradients:
    """Record the gradients of a layer's weights, and return those of its inputs.

    Args:
        scope: of the layer.
        d_output: the gradient of its output, and the step that this is.
        config: of the stack.
        turn: the rotation of queries and keys in self-attention.
        memory: the encoder's output, in a layer with cross-attention.
        later: the gradient of the memory from the layers after this one.
    """
    return _Layer(scope, config, turn, memory, later).through(d_output)


class _Layer:
    """One layer in the backward pass."""

    def __init__(
        self,
        scope: Scope,
        config: TransformerConfig,
        turn: Turn,
        memory: Reading | None,
        later: Reading | None,
    ) -> None:
        self._scope, self._config, self._turn = scope, config, turn
        self._memory, self._later = memory, later
        self._attentions: dict[str, MultiHeadGradients] = {}
        names = ["self_attention", "feed_forward"]
        if memory is not None:
            names.insert(1, "cross_attention")
        self._names = names

    def through(self, d_output: Reading) -> LayerGradients:
        """Go from the last sublayer to the first."""
        ways = [d_output]
        for name in reversed(self._names):
            ways = self._through_sublayer(name, ways)
        self_attention = self._attentions["self_attention"]
        of = [way.name for way in ways]
        d_input = self._scope.record(steps.D_INPUT[len(ways)], _sum(ways), of=of)
        memory = None
        if self._memory is not None:
            d_memory = self._attentions["cross_attention"].memory
            assert d_memory is not None
            memory = Reading(d_memory, f"{self._scope.path}cross_attention.d_memory")
        input_path = f"{self._scope.path}d_input"
        return LayerGradients(Reading(d_input, input_path), self_attention.masked, memory)

    def _through_sublayer(self, name: str, ways: list[Reading]) -> list[Reading]:
        """Return the gradients, to be summed, of what came before a sublayer.

        Args:
            name: of the sublayer.
            ways: the gradients, to be summed, of what came after it.
        """
        place = self._config.norm_place
        if place == "after":
            d_sum = self._through_norm(f"{name}_norm", ways)
            ways = [Reading(d_sum, f"{name}_norm.d_input")]
        parallel = self._config.parallel_sublayers and name == "self_attention"
        # In parallel the feed-forward part read the layer's input, not this sum.
        onward = ways[1:] if parallel else []
        d_sum = self._through_sum(name, ways[:1] if parallel else ways)
        d_stream = Reading(d_sum, f"d_{name}_residual")
        d_branch = d_stream
        if place == "both":
            d_inner = self._through_norm(f"{name}_output_norm", [d_branch])
            d_branch = Reading(d_inner, f"{name}_output_norm.d_input")
        d_branch = Reading(self._through_function(name, d_branch), f"{name}.d_input")
        if place != "after":
            d_read = self._through_norm(f"{name}_norm", [d_branch])
            d_branch = Reading(d_read, f"{name}_norm.d_input")
        return [d_stream, d_branch, *onward]

    def _through_sum(self, name: str, ways: list[Reading]) -> Array:
        """Record the gradient of a residual sum."""
        kind = steps.RESIDUAL[name] if len(ways) == 1 else steps.RESIDUAL_SUM[name]
        return self._scope.record(kind, _sum(ways), of=[way.name for way in ways])

    def _through_norm(self, name: str, ways: list[Reading]) -> Array:
        scope = self._scope.at(name)
        kind = steps.D_OUTPUT if len(ways) == 1 else steps.D_OUTPUT_SUM
        d_output = scope.record(kind, _sum(ways), of=[way.name for way in ways])
        return through_norm(scope, d_output, self._config.norm_epsilon)

    def _through_function(self, name: str, d_output: Reading) -> Array:
        """Go back through a sublayer itself, and return the gradient of its input."""
        scope, x = self._scope.at(name), self._reading(name)
        if name == "feed_forward":
            d = scope.record(steps.D_OUTPUT, d_output.value, of=(d_output.name,))
            activation = self._config.activation
            return through_feed_forward(scope, d, x.value, name=activation, of=x.name)
        d = scope.record(attention_steps.D_PROJECTED, d_output.value, of=(d_output.name,))
        cross = name == "cross_attention"
        gradients = through_multi_head(
            scope,
            d,
            self._config,
            x,
            memory=self._memory if cross else None,
            later=self._later if cross else None,
            turn=self._turn._replace(rotation=None) if cross else self._turn,
        )
        self._attentions[name] = gradients
        return gradients.input

    def _reading(self, name: str) -> Reading:
        """Return the input of a sublayer in the forward pass."""
        path = f"{name}_norm.output"
        if self._config.norm_place == "after":
            number = self._names.index(name)
            path = f"{self._names[number - 1]}_norm.output" if number else "input"
        return Reading(self._scope[path], path)


def _sum(ways: list[Reading]) -> Float[Array, "batch length d_model"]:
    """Sum the gradients of several paths."""
    total = ways[0].value
    for way in ways[1:]:
        total = total + way.value
    return total
