"""Where residual sums, the inputs and outputs of layers, logits and probabilities come from."""

from __future__ import annotations

from ...config import TransformerConfig
from ...reference.tracing.step import Step
from .derivation import ALL, Derivation, array, axis, same, scalar, softmax


def residual(step: Step) -> Derivation:
    """x + sublayer, of the two steps that a residual sum was computed from."""
    stream, sublayer = step.of
    return Derivation(
        "x + y",
        (
            array(
                "x",
                "entry of the residual stream, before",
                "entrada do fluxo residual, antes",
                stream,
                same(0, 1, 2),
            ),
            array(
                "y",
                "what the sublayer adds to it",
                "o que a subcamada lhe soma",
                sublayer,
                same(0, 1, 2),
            ),
        ),
    )


def layer_input(step: Step, config: TransformerConfig) -> Derivation:
    """The same number, at the end of what comes before the layer."""
    stack, _, number, _ = step.path.split(".")
    before = f"{stack}.embedded"
    if int(number):
        end = "residual" if config.norm_place == "before" else "norm.output"
        before = f"{stack}.layers.{int(number) - 1}.feed_forward_{end}"
    return _copy(before)


def stack_output(step: Step) -> Derivation:
    """The same number, at the end of the last layer or of the stack's norm."""
    return _copy(step.of[0])


def _copy(path: str) -> Derivation:
    entry = array(
        "x",
        "the same number, at the end of the step before",
        "o mesmo número, no fim do passo anterior",
        path,
        same(0, 1, 2),
    )
    return Derivation("x", (entry,))


def logits(step: Step, config: TransformerConfig) -> Derivation:
    """One entry of hidden W_output^T: one for each word of the vocabulary."""
    matrix = "embedding" if config.tied_embeddings else "output"
    return Derivation(
        "h @ w",
        (
            array(
                "h",
                "last hidden vector of this position",
                "último vetor oculto desta posição",
                step.of[0],
                (*same(0, 1), ALL),
            ),
            array(
                "w",
                "row of this token in the output matrix",
                "linha deste token na matriz de saída",
                f"weights/{matrix}.weight",
                (axis(2), ALL),
            ),
        ),
    )


def probabilities() -> Derivation:
    """Softmax of the logits of one position, over the vocabulary."""
    row = array(
        "z",
        "logits of this position, for the whole vocabulary",
        "logits desta posição, para todo o vocabulário",
        "logits",
        (*same(0, 1), ALL),
    )
    return softmax(row, scalar("t", "id of the token", "id do token", axis(2)))
