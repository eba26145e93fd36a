"""Finds the derivation of every number of a trace."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ...config import TransformerConfig
from ...errors import TraceError
from ...reference.tracing.step import Step
from ...reference.tracing.steps import (
    attention,
    attention_gradients,
    embedding,
    kind_of,
    loss,
    patches,
)
from ..contract.arrays import Steps
from ..contract.edits import Edit
from ._biases import alibi, relative
from ._edits import edited_derivations
from ._place import StepPlace
from .derivation import EDIT, INPUT, Derivation

_STACK = r"(encoder|decoder)\."
_LAYER = r"layers\.\d+\."
# In the backward pass, each weight's layer has its own steps.
_PROJECTION = r"(query|key|value|output|(query|key)_norm)\."
_ATTENTION = rf"(self|cross)_attention\.({_PROJECTION})?"
_SUBLAYER = rf"({_ATTENTION}|feed_forward\.((gate|up|down)\.)?|\w+_norm\.)"
_AROUND = (
    r"(source|target)_embedding_norm\.|output_transform\.|output_norm\.|output\."
    r"|((source|target)_)?embedding\.|(source|target)_positions\.|token_types\."
)
# The path of a step of a Transformer's passes, down to its name.
_SCOPE = re.compile(rf"({_AROUND}|{_STACK}(norm\.|relative_bias\.|{_LAYER}({_SUBLAYER})?)?)?")
_INPUTS = (
    *(embedding.TOKENS, embedding.TOKEN_TYPE_IDS, patches.PIXELS),
    *(loss.LABELS, loss.LABEL_SMOOTHING, loss.LABEL_WEIGHTS, attention_gradients.BUCKETS),
)


def derivations(
    step: Step, trace: Steps, config: TransformerConfig, edits: Sequence[Edit] = ()
) -> Sequence[Derivation]:
    """Return the derivations of a step's elements; the first one that holds applies.

    Args:
        step: of the forward pass of a `clearhead.reference.Transformer`, or of the backward pass
            of `clearhead.reference.gradients`.
        trace: all steps of that pass.
        config: of the model.
        edits: of a what-if run: those that change this step.

    Raises:
        TraceError: it is not a step of such a pass.
    """
    plain = _without_edits(step, trace, config)
    if not step.replaced:
        return plain
    return (*edited_derivations(step, trace, config, plain[0], edits), EDIT, *plain)


def _without_edits(step: Step, trace: Steps, config: TransformerConfig) -> Sequence[Derivation]:
    kind = kind_of(step.path, step.formula)
    if kind is not None and _SCOPE.fullmatch(step.path.removesuffix(kind.name)):
        if kind in _INPUTS:
            return (INPUT,)
        stack = step.path.partition(".")[0]
        if kind is attention.BIAS:
            own = config.of_stack(stack)
            return (relative(stack, own) if config.positions == "relative" else alibi(own),)
        place = StepPlace(step, config)
        rules = kind.rules
        if kind.name == "masked" and stack == "decoder" and place.scope.endswith("self_attention"):
            rules = tuple(map(attention.windowed if place.window else attention.causal, rules))
        if kind is attention.WEIGHTS and _has_empty_rows(trace, place.scope):
            rules = tuple(map(attention.with_empty_rows, rules))
        if rules:
            return tuple(map(place.derivation, rules))
    raise TraceError(
        f"The step {step.path!r} is none of a Transformer's passes, so where its numbers come from "
        "is not known. Ask for the steps that reference.Transformer and reference.gradients record."
    )


def _has_empty_rows(trace: Steps, scope: str) -> bool:
    """Return whether a query of this attention may attend to no key at all."""
    scopes = getattr(trace, "empty_rows", None)
    if scopes is not None:  # for a long text, noted when its pass was run
        return scope in scopes
    masked = trace[f"{scope}.masked"].value
    return bool((masked.max(axis=-1) == -math.inf).any())
