"""Backwards through multi-head attention: output projection, heads, rotation, projections.

    y = [o_1; ...; o_h] W_o^T + b        d_concatenated = dy W_o, cut into heads again
    q, k, v = x W^T + b                  dx = dq W_q + dk W_k + dv W_v

In cross-attention queries come from x, keys and values from the encoder's output, which gets a
gradient from every decoder layer: `d_memory` sums them from the last layer to the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...config import TransformerConfig
from ...shapes import Array, Float
from ..attention import merge_heads, split_heads
from ..rotary import Rotation, rotate
from ..tracing.steps import attention_gradients as steps
from ..tracing.steps import projection_gradients as projections
from .attention import through_attention
from .linear import through_linear
from .norms import through_norm
from .scope import Scope

_PROJECTION = (projections.D_WEIGHT, projections.D_BIAS)


class Reading(NamedTuple):
    """The value of a step, and its name.

    Attributes:
        value: such as the vectors that a sublayer read, or a gradient on its way.
        name: of the step, in the scope that reads it or one around.
    """

    value: Array
    name: str


class Turn(NamedTuple):
    """The rotation of the queries and keys of a layer.

    Attributes:
        rotation: None if they were not rotated.
        way: how it was computed, a key of `clearhead.reference.tracing.steps.heads.ROTATED_QUERY`.
    """

    rotation: Rotation | None
    way: tuple[bool, str, str]


class MultiHeadGradients(NamedTuple):
    """The gradients of an attention layer's inputs.

    Attributes:
        input: of the input of the queries (and, without a memory, of keys and values).
        memory: of the other sequence, the input of keys and values; None without one.
        masked: of the scores as softmax read them.
    """

    input: Float[Array, "batch query_len d_model"]
    memory: Float[Array, "batch key_len d_model"] | None
    masked: Float[Array, "batch heads query_len key_len"]


def through_multi_head(
    scope: Scope,
    d_projected: Float[Array, "batch query_len d_model"],
    config: TransformerConfig,
    x: Reading,
    *,
    memory: Reading | None = None,
    later: Reading | None = None,
    turn: Turn,
) -> MultiHeadGradients:
    """Record the gradients of the layer's weights, and return those of what it read.

    Args:
        scope: of the layer; ``d_projected`` is recorded there already.
        d_projected: the gradient of its output.
        config: of the stack.
        x: the input of the queries.
        memory: the input of keys and values, in cross-attention.
        later: the gradient of the memory from the layers after this one, if there are any.
        turn: the rotation of queries and keys.
    """
    of = ("d_projected", "concatenated")
    d_heads = through_linear(scope.at("output"), d_projected, scope["concatenated"], of=of)
    d_heads = scope.record(steps.D_CONCATENATED, d_heads)
    d_output = scope.record(steps.D_OUTPUT, split_heads(d_heads, config.num_heads))
    part = config.attention
    inner = through_attention(scope, d_output, scale=part.scale, softcap=part.softcap)
    parts = {
        "query": _through_heads(scope, inner.query, "query", config, turn),
        "key": _through_heads(scope, inner.key, "key", config, turn),
        "value": Reading(inner.value, "d_value"),
    }
    d_x, d_memory = _through_projections(scope, parts, x, memory, later)
    return MultiHeadGradients(d_x, d_memory, inner.masked)


def _through_projections(
    scope: Scope,
    parts: Mapping[str, Reading],
    x: Reading,
    memory: Reading | None,
    later: Reading | None,
) -> tuple[Array, Array | None]:
    """Return the gradients of x and of the memory, where there is one.

    Args:
        scope: of the layer.
        parts: the gradients of what was projected to ``query``, ``key`` and ``value``.
        x, memory, later: as in `through_multi_head`.
    """

    def projection(part: str, source: Reading) -> Array:
        d, of = merge_heads(parts[part].value), (parts[part].name, source.name)
        return through_linear(scope.at(part), d, source.value, of=of, kinds=_PROJECTION)

    names = [parts[part].name for part in ("query", "key", "value")]
    d_x = projection("query", x)
    if memory is None:
        d_x = d_x + projection("key", x) + projection("value", x)
        return scope.record(projections.D_INPUT[False], d_x, of=names), None
    d_x = scope.record(projections.D_INPUT[True], d_x, of=names[:1])
    d_memory, names = projection("key", memory) + projection("value", memory), names[1:]
    if later is not None:
        d_memory, names = d_memory + later.value, [*names, later.name]
    return d_x, scope.record(projections.D_MEMORY[later is not None], d_memory, of=names)


def _through_heads(
    scope: Scope,
    d: Float[Array, "batch heads length head_dim"],
    part: str,
    config: TransformerConfig,
    turn: Turn,
) -> Reading:
    """Go back through the rotation and the norm of each head, if the layer has them.

    Args:
        scope: of the layer.
        d: the gradient of the queries or keys, as the scores read them.
        part: ``query`` or ``key``.
        config: of the stack.
        turn: their rotation.

    Returns:
        the gradient of what was projected, and the name of the step that it is.
    """
    name = f"d_{part}"
    if turn.rotation is not None:
        # Rotate by the same angle in the other direction: a rotation's transpose is its inverse.
        back = Rotation(turn.rotation.cosine, -turn.rotation.sine)
        d = scope.record(steps.D_ROTATED[part, turn.way], rotate(d, back), of=(name,))
        name = f"d_{part}_before_rotation"
    if scope.has_weight(f"{part}_norm.weight"):
        norm = scope.at(f"{part}_norm")
        d = norm.record(steps.D_HEAD_NORM_OUTPUT, d, of=(name,))
        kinds = (steps.D_HEAD_NORMALIZED, steps.D_HEAD_NORM_WEIGHT)
        epsilon = config.norm_epsilon
        d = through_norm(norm, d, epsilon, kinds=kinds, input_kind=steps.D_HEAD_NORM_INPUT)
        name = f"{part}_norm.d_input"
    if name == f"d_{part}":
        return Reading(d, name)
    d = scope.record(steps.D_QUERY_OR_KEY_PROJECTED[part], d, of=(name,))
    return Reading(d, f"d_{part}_projected")
