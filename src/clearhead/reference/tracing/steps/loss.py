"""The steps of the loss, and the gradients outside the layers: of the output and embeddings."""

from __future__ import annotations

from dataclasses import replace

from ..step_kind import ALL, Operand, Rule, StepKind, axis, same
from . import gradients
from .gradients import DERIVATIVES, same_gradient, through_matrix
from .layers import AXES
from .stacks import LOGIT_AXES

TABLE_AXES = ("rows", "d_model")

_ENTRY = same(0, 1, 2)
_ROW = (*same(0, 1), ALL)
_TOKENS = (ALL, ALL)


# The loss

# For a caller without a model, in which logits would be a step.
LOGITS = StepKind("logits", "", axes=LOGIT_AXES)
LABELS = StepKind("labels", "", axes=AXES[:2])
LABEL_WEIGHTS = StepKind(
    "label_weights", "1 / the number of labels, and 0 where there is none", axes=AXES[:2]
)
LABEL_SMOOTHING = StepKind("label_smoothing", "the share that goes to the whole vocabulary")

_TOKEN = Operand("t", "tokenId", position=axis(2))
LABEL_DISTRIBUTION = StepKind(
    "label_distribution",
    "(1 - label_smoothing) one_hot(label) + label_smoothing / vocab",
    of=("labels", "label_smoothing"),
    axes=LOGIT_AXES,
    notation="y_t = (1 − ε) [t = label] + ε / V",
    rules=(
        Rule(
            "(1 - smoothing) * (t == label) + smoothing / vocab",
            (
                Operand("smoothing", "labelSmoothing", "label_smoothing", ()),
                _TOKEN,
                Operand("label", "labelId", "labels", same(0, 1)),
                Operand("vocab", "vocabularySize", constant="vocab_size"),
            ),
        ),
    ),
)
_LOGITS_ROW = Operand("z", "logitsRow", "logits", _ROW)
# Whether labels are smoothed -> the loss of each position.
LOSSES = {
    False: StepKind(
        "losses",
        "-log softmax(logits)[label]",
        of=("labels", "logits"),
        axes=AXES[:2],
        notation="L_i = −log p_label",
        rules=(
            Rule(
                "-np.log(np.exp(z - z.max())[label] / np.exp(z - z.max()).sum())",
                (_LOGITS_ROW, Operand("label", "labelId", "labels", same(0, 1))),
            ),
        ),
    ),
    True: StepKind(
        "losses",
        "-sum over the vocabulary of label_distribution * log softmax(logits)",
        of=("label_distribution", "logits"),
        axes=AXES[:2],
        notation="L_i = −Σ_t y_t log p_t",
        rules=(
            Rule(
                "-(y * (z - z.max() - np.log(np.exp(z - z.max()).sum()))).sum()",
                (Operand("y", "labelDistribution", "label_distribution", _ROW), _LOGITS_ROW),
            ),
        ),
    ),
}
LOSS = StepKind(
    "loss",
    "losses * label_weights, summed over all positions",
    of=("losses", "label_weights"),
    notation="L = mean of L_i",
    rules=(
        Rule(
            "(losses * weights).sum()",
            (
                Operand("losses", "lossesOfPositions", "losses", _TOKENS),
                Operand("weights", "labelWeights", "label_weights", _TOKENS),
            ),
        ),
    ),
)
D_LOGITS = StepKind(
    "d_logits",
    "(probabilities - label_distribution) * label_weights",
    of=("probabilities", "label_distribution", "label_weights"),
    axes=LOGIT_AXES,
    notation="∂L/∂ℓ_t = (p_t − y_t) / n",
    rules=(
        Rule(
            "(p - y) * weight",
            (
                Operand("p", "probabilityEntry", "probabilities", _ENTRY),
                Operand("y", "labelDistributionEntry", "label_distribution", _ENTRY),
                Operand("weight", "labelWeight", "label_weights", same(0, 1)),
            ),
        ),
    ),
)
D_UNCAPPED_LOGITS = StepKind(
    "d_uncapped_logits",
    "d_logits * (1 - (logits / softcap)^2)",
    of=("d_logits", "logits"),
    axes=LOGIT_AXES,
    rules=(
        Rule(
            "d * (1 - (z / softcap) ** 2)",
            (
                Operand("d", "gradientAfter", "d_logits", _ENTRY),
                Operand("z", "logitEntry", "logits", _ENTRY),
                Operand("softcap", "softcap", constant="output.softcap"),
            ),
        ),
    ),
)


# The output: logits = x W_output^T + b_output, in the scope ``output``

D_OUTPUT_INPUT = through_matrix("d_input", "d_logits W_output", "{output_matrix}")
# One matrix may be used several times: as output matrix, and as each side's embedding.
D_OUTPUT_MATRIX = replace(gradients.D_WEIGHT, name="d_matrix")
D_SCALED_HIDDEN = same_gradient("d_scaled_hidden")
D_SCALED_OUTPUT = StepKind(
    "d_output",
    "d_scaled_hidden * scale",
    of=("d_scaled_hidden",),
    axes=AXES,
    rules=(
        Rule(
            "d * scale",
            (
                Operand("d", "gradientAfter", "d_scaled_hidden", _ENTRY),
                Operand("scale", "hiddenScale", constant="output.scale"),
            ),
        ),
    ),
)
# The activation of a config's output transform -> the gradient before it.
D_TRANSFORM_PROJECTED = {
    name: StepKind(
        "d_projected",
        f"d_output * {name}'(projected)",
        of=("d_output", "projected"),
        axes=AXES,
        rules=(
            Rule(
                f"d * {derivative.format('u')}",
                (
                    Operand("d", "gradientAfter", "{scope}.d_output", _ENTRY),
                    Operand("u", "projectedEntry", "{scope}.projected", _ENTRY),
                ),
            ),
        ),
    )
    for name, derivative in DERIVATIVES.items()
}
D_TRANSFORM_INPUT = through_matrix(
    "d_input", "d_projected W_transform", "output_transform", of=("d_projected",)
)


# Embeddings: a row of a table gets the sum of the gradients of all its uses

D_EMBEDDED = same_gradient("d_embedded")
D_EMBEDDING_SUM = same_gradient("d_embedding_sum")
D_SCALED_EMBEDDING = same_gradient("d_scaled_embedding")
_OF_SCALED = Operand("d", "gradientAfter", "{of[0]}", _ENTRY)
# Whether embeddings are scaled -> their gradient.
D_EMBEDDING = {
    False: same_gradient("d_embedding"),
    True: StepKind(
        "d_embedding",
        "d_scaled_embedding * sqrt(d_model)",
        of=("d_scaled_embedding",),
        axes=AXES,
        rules=(
            Rule(
                "d * np.sqrt(d_model)",
                (_OF_SCALED, Operand("d_model", "streamWidth", constant="d_model")),
            ),
        ),
    ),
}


def _rows(name: str, formula: str, ids: str) -> StepKind:
    """Return the kind of the gradient of a table whose rows are selected by a step of integers."""
    return StepKind(
        name,
        formula,
        axes=TABLE_AXES,
        notation="∂L/∂E_t = Σ d_i over all i with id(i) = t",
        rules=(
            Rule(
                "(d * (ids == row)).sum()",
                (
                    Operand("d", "gradientsEverywhere", "{of[0]}", (ALL, ALL, axis(1))),
                    Operand("ids", ids, "{of[1]}", _TOKENS),
                    Operand("row", "rowOfTable", position=axis(0)),
                ),
            ),
        ),
    )


D_TABLE = _rows("d_table", "d_embedding, summed over the places of each token", "tokenIds")
D_TYPES = _rows("d_weight", "d, summed over the places of each token type", "typeIds")
_ROW_OF_TABLE = Operand("row", "rowOfTable", position=axis(0))
_OF_COLUMN = Operand("d", "gradientsEverywhere", "{of[0]}", (ALL, ALL, axis(1)))


def _positions(offset: bool) -> StepKind:
    """Return the kind of the gradient of positions that begin at some row of the table."""
    first = Operand("offset", "positionOffset", constant="embedding.position_offset")
    expression = "d[:, row].sum() if row < d.shape[1] else 0.0"
    if offset:
        expression = "d[:, row - offset].sum() if offset <= row < offset + d.shape[1] else 0.0"
    return StepKind(
        "d_weight",
        "d, summed over the batch" + ", from the row position_offset on" * offset,
        axes=TABLE_AXES,
        rules=(Rule(expression, (_OF_COLUMN, _ROW_OF_TABLE, *[first] * offset)),),
    )


# The place of the first position -> the gradient of a table of learned positions.
D_POSITIONS = {
    "start": _positions(False),
    "offset": _positions(True),
    "without padding": _rows(
        "d_weight", "d, summed over the places of each position", "positionRows"
    ),
}


def _uses(count: int) -> StepKind:
    """Return the kind of the gradient of a matrix that is used several times."""
    operands = tuple(
        Operand(symbol, "gradientOfUse", f"{{of[{use}]}}", same(0, 1))
        for use, symbol in enumerate("abc"[:count])
    )
    return StepKind(
        "d_weight",
        f"the gradients of {count} uses, added" if count > 1 else "the gradient of its one use",
        axes=TABLE_AXES,
        rules=(Rule(" + ".join(operand.symbol for operand in operands), operands),),
    )


# The number of uses -> the gradient of a matrix.
D_USES = {count: _uses(count) for count in (1, 2, 3)}
