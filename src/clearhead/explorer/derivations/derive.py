"""Where every number of a trace comes from."""

from __future__ import annotations

from collections.abc import Sequence

from ...config import TransformerConfig
from ...errors import TraceError
from ...reference.tracing.step import Step
from ...reference.tracing.trace import Trace
from ..contract.edits import Edit
from . import (
    _attention as derivation_attention,
)
from . import (
    _feed_forward as derivation_feed_forward,
)
from . import (
    _norms as derivation_norms,
)
from ._attention import attention_derivations
from ._edits import edited_derivations
from ._embeddings import embedding_derivations
from ._feed_forward import feed_forward_derivations
from ._norms import norm_derivations
from ._output import layer_input, logits, probabilities, residual, stack_output
from .derivation import REPLACED, Derivation

_EMBEDDINGS = ("tokens", "embedding", "scaled_embedding", "positions", "embedded")
_ATTENTIONS = ("self_attention", "cross_attention")


def derivations(
    step: Step, trace: Trace, config: TransformerConfig, edits: Sequence[Edit] = ()
) -> Sequence[Derivation]:
    """How an element of a step follows from others; the first whose condition holds applies.

    Args:
        step: of the forward pass of a `clearhead.reference.Transformer`.
        trace: all steps of that pass.
        config: of the model.
        edits: of a what-if, those that change this step.

    Raises:
        TraceError: it is no step of such a pass.
    """
    found = _computed(step, trace, config)
    if not step.replaced:
        return found
    return (*edited_derivations(step, trace, found[0], edits), REPLACED, *found)


def _computed(step: Step, trace: Trace, config: TransformerConfig) -> Sequence[Derivation]:
    scope, _, name = step.path.rpartition(".")
    owner = scope.rpartition(".")[2]
    if step.path == "logits":
        return (logits(step, config),)
    if step.path == "probabilities":
        return (probabilities(),)
    if scope in ("encoder", "decoder"):
        if name == "output":
            return (stack_output(step),)
        if name in _EMBEDDINGS:
            return embedding_derivations(step, config)
    if (owner == "norm" or owner.endswith("_norm")) and name in derivation_norms.NAMES:
        return norm_derivations(step, config)
    if owner in _ATTENTIONS and name in derivation_attention.NAMES:
        return attention_derivations(step, trace, config)
    if owner == "feed_forward" and name in derivation_feed_forward.NAMES:
        return feed_forward_derivations(step, config)
    if name.endswith("_residual"):
        return (residual(step),)
    if name == "input" and ".layers." in scope:
        return (layer_input(step, config),)
    raise TraceError(
        f"The step {step.path!r} is none of a Transformer's forward pass, so where its numbers "
        "come from is not known. Ask for the steps that reference.Transformer records."
    )
