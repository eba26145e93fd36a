"""From the last hidden vectors to logits.

logits = softcap(transform(hidden * scale) W_output^T + b_output)

of which most models have only the product.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...config import TransformerConfig
from ...shapes import Array, Float
from ..products import PLAIN, Products
from ..tracing.steps import stacks as steps
from ..tracing.watcher import Watcher
from .feed_forward import activation
from .linear import Linear, weight_and_bias
from .norms import Norm


class Output:
    """The output matrix, and what a model adds to it.

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
        self._config, part = config, config.output
        bias = weights["output.bias"] if part.bias else None
        self._linear = Linear(weights[f"{config.output_name}.weight"], bias, products=products)
        self._transform = part.transform
        if part.transform is not None:
            transform = weight_and_bias(weights, "output_transform")
            self._transform_linear = Linear(*transform, products=products)
            self._transform_function = activation(part.transform)
            self._transform_norm = None
            if part.transform_norm:
                self._transform_norm = Norm(config, *weight_and_bias(weights, "output_norm"))

    def __call__(
        self, hidden: Float[Array, "... d_model"], *, trace: Watcher, of: tuple[str, ...]
    ) -> Float[Array, "... vocab"]:
        """Return the logits; ``of`` is the name of the step that ``hidden`` is."""
        part = self._config.output
        if part.scale is not None:
            hidden = trace.record(steps.SCALED_HIDDEN, hidden * part.scale, of=of)
            of = ("scaled_hidden",)
        if self._transform is not None:
            hidden, of = self._transformed(hidden, self._transform, trace, of)
        logits = self._linear(hidden)
        if part.softcap is None:
            return trace.record(steps.LOGITS[part.bias], logits, of=of)
        logits = trace.record(steps.UNCAPPED_LOGITS[part.bias], logits, of=of)
        # A trace keeps copies, so the one array can be worked on in place.
        logits /= part.softcap
        np.tanh(logits, out=logits)
        logits *= part.softcap
        return trace.record(steps.CAPPED_LOGITS, logits)

    def _transformed(
        self,
        hidden: Float[Array, "... d_model"],
        name: str,
        trace: Watcher,
        of: tuple[str, ...],
    ) -> tuple[Float[Array, "... d_model"], tuple[str, ...]]:
        """Apply a linear layer, an activation and a norm, where there is one.

        The name of the last step is returned, too.
        """
        scope = trace.at("output_transform")
        hidden = scope.record(steps.TRANSFORM_PROJECTED, self._transform_linear(hidden), of=of)
        hidden = scope.record(steps.TRANSFORMED[name], self._transform_function(hidden))
        of = ("output_transform.output",)
        if self._transform_norm is None:
            return hidden, of
        hidden = self._transform_norm(hidden, trace=trace.at("output_norm"), of=of)
        return hidden, ("output_norm.output",)
