"""The steps after the layers: from the last vectors to logits and probabilities."""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import ALL, Operand, Rule, StepKind, axis, linear, same, softmax
from .layers import AXES, FUNCTIONS

LOGIT_AXES = ("batch", "length", "vocab")

_ENTRY = same(0, 1, 2)
_ROW = (*same(0, 1), ALL)

OUTPUT = StepKind(
    "output",
    "the stack's output",
    axes=AXES,
    rules=(Rule("x", (Operand("x", "sameNumber", "{of[0]}", _ENTRY),)),),
)


# Between the last vectors and the logits, in models that have such steps

_SAME_VECTOR = Operand("h", "lastHiddenEntry", "{of[0]}", _ENTRY)
SCALED_HIDDEN = StepKind(
    "scaled_hidden",
    "hidden * scale",
    axes=AXES,
    rules=(Rule("h * scale", (_SAME_VECTOR, Operand("scale", "hiddenScale",
                                                    constant="output.scale"))),),
)  # fmt: skip
_LAST_HIDDEN = Operand("h", "lastHidden", "{of[0]}", _ROW)
TRANSFORM_PROJECTED = StepKind(
    "projected",
    "hidden W_transform^T + b_transform",
    axes=AXES,
    rules=(linear("output_transform", _LAST_HIDDEN, axis(2), bias=""),),
)


def _transform(activation: str) -> StepKind:
    entry = Operand("u", "projectedEntry", "{scope}.projected", _ENTRY)
    return StepKind(
        "output",
        f"{activation}(projected)",
        of=("projected",),
        axes=AXES,
        rules=(Rule(FUNCTIONS[activation].format("u"), (entry,)),),
    )


# The activation of a config's output transform -> the step after it.
TRANSFORMED = {name: _transform(name) for name in FUNCTIONS}


_OUTPUT_ROW = (
    _LAST_HIDDEN,
    Operand("w", "outputRow", "weights/{output_matrix}.weight", (axis(2), ALL)),
)
_LOGITS = StepKind(
    "logits",
    "hidden W_output^T",
    axes=LOGIT_AXES,
    notation="ℓ_t = x · E_t",
    rules=(Rule("h @ w", _OUTPUT_ROW),),
)
_LOGITS_WITH_BIAS = replace(
    _LOGITS,
    formula="hidden W_output^T + b_output",
    notation="ℓ_t = x · E_t + b_t",
    rules=(
        Rule(
            "h @ w + b",
            (*_OUTPUT_ROW, Operand("b", "outputBias", "weights/output.bias", (axis(2),))),
        ),
    ),
)
# Whether there is a bias -> the logits, if there is no softcap.
LOGITS = {False: _LOGITS, True: _LOGITS_WITH_BIAS}
# The same before the softcap.
UNCAPPED_LOGITS = {bias: replace(kind, name="uncapped_logits") for bias, kind in LOGITS.items()}
CAPPED_LOGITS = StepKind(
    "logits",
    "softcap * tanh(uncapped_logits / softcap)",
    of=("uncapped_logits",),
    axes=LOGIT_AXES,
    rules=(
        Rule(
            "softcap * np.tanh(z / softcap)",
            (
                Operand("z", "uncappedLogit", "uncapped_logits", _ENTRY),
                Operand("softcap", "softcap", constant="output.softcap"),
            ),
        ),
    ),
)
PROBABILITIES = StepKind(
    "probabilities",
    "softmax of logits over the vocabulary",
    of=("logits",),
    axes=LOGIT_AXES,
    notation="p_t = exp(ℓ_t) / Σ_u exp(ℓ_u)",
    rules=(
        softmax(
            Operand("z", "logitsRow", "logits", _ROW), Operand("t", "tokenId", position=axis(2))
        ),
    ),
)
