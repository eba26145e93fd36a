"""Backwards through multi-head attention: output projection, heads, rotation, projections.

    y = [o_1; ...; o_h] W_o^T + b        d_concatenated = dy W_o, cut into heads again
    q, k, v = x W^T + b                  dx = dq W_q + dk W_k + dv W_v

In cross-attention queries come from x, keys and values from the encoder's output, to which every
decoder layer sends a gradient: `d_memory` adds them up from the last layer to the first.
"""

from __future__ import annotations

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
    """What a sublayer read.

    Attributes:
        value: the vectors.
        name: of the step that they are.
    """

    value: Float[Array, "batch length d_model"]
    name: str


class Turn(NamedTuple):
    """How positions turned the queries and keys of a layer.

    Attributes:
        rotation: None where nothing turned them.
        way: how it was computed, a key of `clearhead.reference.tracing.steps.heads.ROTATED_QUERY`.
    """

    rotation: Rotation | None
    way: tuple[bool, str, str]


class MultiHeadGradients(NamedTuple):
    """The gradients of what an attention layer read.

    Attributes:
        input: of what queries (and, without a memory, keys and values) were made from.
        memory: of another sequence, which keys and values were made from; None without one.
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
        x: what queries were made from.
        memory: what keys and values were made from, in cross-attention.
        later: the gradient of the memory from the layers after this one, if there are any.
        turn: how positions turned queries and keys.
    """
    of = ("d_projected", "concatenated")
    d_heads = through_linear(scope.at("output"), d_projected, scope["concatenated"], of=of)
    d_heads = scope.record(steps.D_CONCATENATED, d_heads)
    d_output = scope.record(steps.D_OUTPUT, split_heads(d_heads, config.num_heads))
    part = config.attention
    inner = through_attention(scope, d_output, scale=part.scale, softcap=part.softcap)
    d_query, query_of = _through_heads(scope, inner.query, "query", config, turn)
    d_key, key_of = _through_heads(scope, inner.key, "key", config, turn)
    d_heads_of = {
        "query": (d_query, query_of),
        "key": (d_key, key_of),
        "value": (inner.value, "d_value"),
    }

    def projection(layer: str, source: Reading) -> Array:
        d, name = d_heads_of[layer]
        of = (name, source.name)
        return through_linear(
            scope.at(layer), merge_heads(d), source.value, of=of, kinds=_PROJECTION
        )

    d_x = projection("query", x)
    if memory is None:
        d_x = d_x + projection("key", x) + projection("value", x)
        d_x = scope.record(projections.D_INPUT[False], d_x, of=(query_of, key_of, "d_value"))
        return MultiHeadGradients(d_x, None, inner.masked)
    d_x = scope.record(projections.D_INPUT[True], d_x, of=(query_of,))
    d_memory = projection("key", memory) + projection("value", memory)
    of = (key_of, "d_value")
    if later is not None:
        d_memory, of = d_memory + later.value, (*of, later.name)
    d_memory = scope.record(projections.D_MEMORY[later is not None], d_memory, of=of)
    return MultiHeadGradients(d_x, d_memory, inner.masked)


def _through_heads(
    scope: Scope,
    d: Float[Array, "batch heads length head_dim"],
    part: str,
    config: TransformerConfig,
    turn: Turn,
) -> tuple[Float[Array, "batch heads length head_dim"], str]:
    """Go back through the rotation and the norm of each head, as far as there are such.

    Args:
        scope: of the layer.
        d: the gradient of the queries or keys, as the scores read them.
        part: ``query`` or ``key``.
        config: of the stack.
        turn: how positions turned them.

    Returns:
        the gradient of what was projected, and the name of the step that it is.
    """
    name = f"d_{part}"
    if turn.rotation is not None:
        # By the same angle the other way: a rotation's transposed matrix is its inverse.
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
        return d, name
    d = scope.record(steps.D_QUERY_OR_KEY_PROJECTED[part], d, of=(name,))
    return d, f"d_{part}_projected"
