"""Backwards from the logits to the last hidden vectors.

    logits = x W_output^T + b_output         dx = dlogits W_output

with the additions of some models: a factor, a linear layer with an activation and a norm, a cap.
"""

from __future__ import annotations

from ...config import TransformerConfig
from ...shapes import Array, Float
from ..tracing.steps import gradients as steps
from ..tracing.steps import loss as output_steps
from .embedding import TableUses
from .feed_forward import activation_derivative
from .linear import linear_gradients, through_linear
from .multi_head import Reading
from .norms import through_norm
from .scope import Scope


def through_output(
    model: Scope,
    d_logits: Float[Array, "batch length vocab"],
    config: TransformerConfig,
    uses: TableUses,
) -> Float[Array, "batch length d_model"]:
    """Record the gradients of the output's weights, and return that of the last hidden vectors.

    Args:
        model: the scope of the whole model.
        d_logits: recorded already.
        config: of the model.
        uses: takes the gradient of an output matrix that is an embedding, too.
    """
    part, scope = config.output, model.at("output")
    stack = "decoder" if config.decoder_layers else "encoder"
    hidden = f"{stack}.output" if part.scale is None else "scaled_hidden"
    read = hidden
    if part.transform is not None:
        read = "output_norm.output" if part.transform_norm else "output_transform.output"

    # Cap, bias and matrix.
    of = "d_logits"
    if part.softcap is not None:
        bent = model["logits"] / part.softcap
        d_logits = model.record(output_steps.D_UNCAPPED_LOGITS, d_logits * (1 - bent**2))
        of = "d_uncapped_logits"
    matrix = model.weight(f"{config.output_name}.weight")
    gradients = linear_gradients(d_logits, model[read], matrix)
    if part.bias:
        scope.record_weight(steps.D_BIAS, gradients.bias, of=(of,))
    d_matrix = scope.record(output_steps.D_OUTPUT_MATRIX, gradients.weight, of=(of, read))
    uses.add(config.output_name, d_matrix, "output.d_matrix")
    d = scope.record(output_steps.D_OUTPUT_INPUT, gradients.input, of=(of,))

    # The steps before them.
    name = "output.d_input"
    if part.transform is not None:
        d = _through_transform(model, d, part.transform, Reading(model[hidden], hidden), config)
        name = "output_transform.d_input"
    last = model.at(stack)
    if part.scale is None:
        return last.record(steps.D_OUTPUT, d, of=(name,))
    d = model.record(output_steps.D_SCALED_HIDDEN, d, of=(name,))
    return last.record(output_steps.D_SCALED_OUTPUT, d * part.scale)


def _through_transform(
    model: Scope,
    d: Float[Array, "batch length d_model"],
    name: str,
    x: Reading,
    config: TransformerConfig,
) -> Float[Array, "batch length d_model"]:
    """Go back through the norm, if there is one, the activation and the linear layer.

    Args:
        model: the scope of the whole model.
        d: the gradient of the output matrix's input.
        name: of the activation.
        x: the input of the linear layer.
        config: of the model.
    """
    norm, scope = model.at("output_norm"), model.at("output_transform")
    of = "output.d_input"
    if config.output.transform_norm:
        d = norm.record(steps.D_OUTPUT, d, of=(of,))
        d = through_norm(norm, d, config.norm_epsilon)
        of = "output_norm.d_input"
    d = scope.record(steps.D_OUTPUT, d, of=(of,))
    d = d * activation_derivative(name)(scope["projected"])
    d = scope.record(output_steps.D_TRANSFORM_PROJECTED[name], d)
    d = through_linear(scope, d, x.value, of=("d_projected", x.name))
    return scope.record(output_steps.D_TRANSFORM_INPUT, d)
