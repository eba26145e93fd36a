"""Each layer's prediction at a position, and the parts of a token's logit there."""

from __future__ import annotations

from ...errors import ConfigError, ShapeError
from ...lens.attribution import STEPS as SUMMAND_STEPS
from ...lens.attribution import Attribution, attribute_traced_logit
from ...lens.logit_lens import STEPS as LAYER_STEPS
from ...lens.logit_lens import LayerReading, read_traced_layers
from ...reference.tracing.trace import Trace
from ..contract.meaning.lens import LayerSaying, LensAnswer, LogitSum
from ..contract.questions import LensQuestion
from ..models.walked_model import WalkedModel
from ..passes.edited_engine import replacements
from .run import Run


def lens_answer(run: Run, question: LensQuestion) -> LensAnswer:
    """Answer ``lens`` with a forward pass of its own, which records only the steps needed.

    Raises:
        ConfigError: the model predicts no words.
        ShapeError: there is no such position, or no such token.
    """
    models = run.models
    if not models.predicts_words:
        raise ConfigError("lens: this model predicts no words, so its layers say none.")
    _check("position", question.position, len(run.predicted))
    token = run.predicted[question.position] if question.token is None else question.token
    _check("token", token, models.config.vocab_size)
    with Trace(keep=(*SUMMAND_STEPS, *LAYER_STEPS), replace=replacements(run.changes)) as trace:
        models.forward(run.passage, trace)
    readings = read_traced_layers(
        run.reference, trace, position=question.position, count=question.count
    )
    return {
        "position": question.position,
        "token": models.token(token),
        "layers": [_saying(models, reading) for reading in readings],
        "sum": _sum(run, question, trace, token),
    }


def _check(name: str, number: int, count: int) -> None:
    if number >= count:
        raise ShapeError(f"lens: {name} must be between 0 and {count - 1} here; it is {number}.")


def _saying(models: WalkedModel, reading: LayerReading) -> LayerSaying:
    shares = zip(reading.tokens, reading.probabilities, strict=True)
    return {
        "layers": reading.layers,
        "likeliest": [
            {"token": models.token(token), "probability": share} for token, share in shares
        ],
        "rank": reading.final_rank,
        "probability": reading.final_probability,
    }


def _sum(run: Run, question: LensQuestion, trace: Trace, token: int) -> LogitSum | None:
    if run.config.output.transform is not None:
        return None
    attribution: Attribution = attribute_traced_logit(
        run.reference, trace, token=token, position=question.position
    )
    largest = attribution.largest(question.most)
    return {
        "logit": attribution.logit,
        "summands": [
            {
                "path": summand.path,
                "kind": summand.kind,
                "layer": summand.layer,
                "head": summand.head,
                "value": summand.value,
            }
            for summand in largest
        ],
        "others": len(attribution.summands) - len(largest),
        "others_sum": sum(one.value for one in attribution.summands if one not in largest),
        "error": attribution.error,
    }
