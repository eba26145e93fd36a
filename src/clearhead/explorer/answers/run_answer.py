"""Builds the answer to the question ``run``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...reference.softmax import log_softmax
from ...reference.tracing.step import Step
from ...reference.tracing.steps import attention, kind_of
from ...shapes import Array, Float
from ...translation.rules.languages.likely import other_language
from ..contract.parts import attention_path, heads_of, layers_of, parts_of
from ..contract.run_answers import (
    AttentionAnswer,
    Baseline,
    LikelyLabel,
    NextTokens,
    Note,
    Replacement,
    RunAnswer,
    StepAnswer,
    Token,
)
from ..derivations.derive import derivations
from .run import Run


def run_answer(run: Run) -> RunAnswer:
    """Answer ``run``: everything about a run except its large arrays."""
    models, request = run.models, run.request
    predicts = models.predicts
    answer: RunAnswer = {
        "request": run.request.to_dict(),
        "text": run.request.text,
        "sentences": run.sentences,
        "sentence": run.request.sentence,
        "translation": run.translation if predicts else None,
        "target_given": request.target is not None or request.target_ids is not None,
        "source": models.tokens(run.source),
        "decoder_input": models.tokens(run.target),
        "predicted": _predicted(run),
        "log_probability": finite(run.log_probability) if predicts else None,
        "log_probabilities": [finite(value) for value in run.log_probabilities],
        "next": list(_next(run)),
        "attention": list(_attention(run)),
        "steps": list(_steps(run)),
        "check": {
            "largest": finite(run.largest_difference),
            "of": "log-probability" if predicts else "output",
            "fast": "NumPy float32 with its cache" if run.target else "NumPy float32",
            "reference": "NumPy float64",
        },
        "seconds": {
            "translate": run.seconds["translate"],
            "trace": run.seconds["trace"],
            "check": run.seconds["check"],
        },
        "baseline": _baseline(run),
        "notes": list(_notes(run)),
    }
    scored_positions = run.passage.scored_positions
    if len(scored_positions) != len(run.predicted):
        answer["scored_positions"] = list(scored_positions)
    if models.labels:
        answer["labels"] = labels_of(run)
    if not run.source:
        answer["prompt"] = run.passage.prompt
    return answer


def finite(value: float) -> float | None:
    """Return a number in the form of JSON: None if it is not finite."""
    return float(value) if math.isfinite(value) else None


def labels_of(run: Run) -> list[LikelyLabel]:
    """Return a classifier's labels by their numbers, each with its probability."""
    return likely_labels(run.models.labels, log_softmax(run.logits[0]))


def likely_labels(
    labels: Sequence[str], log_probabilities: Float[Array, "labels"]
) -> list[LikelyLabel]:
    """Return each label with its probability."""
    return [
        {"label": label, "probability": math.exp(value), "log_probability": finite(float(value))}
        for label, value in zip(labels, log_probabilities, strict=True)
    ]


def _predicted(run: Run) -> list[Token]:
    """Return the predicted tokens; empty if the model predicts a label."""
    return [] if run.models.labels else run.models.tokens(run.predicted)


def _next(run: Run) -> Iterator[NextTokens]:
    """Yield the likeliest tokens after each of the decoder's, and the actual next one."""
    if run.models.labels:
        return
    for prediction in run.predictions:
        likeliest = prediction.likeliest
        yield {
            "likeliest": [
                {"token": run.models.token(token), "probability": probability}
                for token, probability in zip(
                    likeliest.tokens, likeliest.probabilities, strict=True
                )
            ],
            "taken": {
                "token": run.models.token(likeliest.target_token),
                "probability": likeliest.target_probability,
                "rank": likeliest.target_rank,
            },
        }


def _attention(run: Run) -> Iterator[AttentionAnswer]:
    """Yield every attention of the model, part by part."""
    source_len, target_len = len(run.source), len(run.target)
    for part in parts_of(run.config):
        queries = source_len if part == "encoder" else target_len
        keys = target_len if part == "decoder" else source_len
        for layer in range(layers_of(part, run.config)):
            yield {
                "part": part,
                "layer": layer,
                "heads": heads_of(part, run.config),
                "queries": queries,
                "keys": keys,
                "path": attention_path(part, layer),
            }


def _steps(run: Run) -> Iterator[StepAnswer]:
    """Yield every step, including attention's contributions, in the order of computation."""
    replacements: dict[str, list[Replacement]] = {}
    for number, edit in enumerate(run.request.edits):
        for path in edit.paths(run.config):
            if number not in run.unreached:
                place: Replacement = {"edit": number, "index": edit.index()}
                replacements.setdefault(path, []).append(place)
    shapes = {step.path: step.shape for step in run.trace}
    for step in run.trace:
        yield step_answer(run, step, replacements.get(step.path, []))
        if step.name == "weights":
            yield step_answer(run, _contributions(step, shapes), [])


def step_answer(run: Run, step: Step, replaced_at: list[Replacement]) -> StepAnswer:
    """Return a step of a run, or of its backward pass, with the derivation of its numbers."""
    edits = [run.request.edits[place["edit"]] for place in replaced_at]
    kind = kind_of(step.path, step.formula)
    plain = [one.to_json() for one in derivations(step, run.trace, run.config, edits)]
    return {
        "path": step.path,
        "shape": list(step.shape),
        "axes": list(step.axes),
        "formula": step.formula,
        "notation": kind.notation if kind else "",
        "of": list(step.of),
        "replaced": bool(replaced_at),
        "replaced_at": replaced_at,
        "derivations": plain,
    }


def _contributions(weights: Step, shapes: Mapping[str, tuple[int, ...]]) -> Step:
    """Return the step of contributions; it has only a shape, and is computed window by window."""
    scope = weights.path.removesuffix(".weights")
    value = f"{scope}.value"
    return Step(
        f"{scope}.contributions",
        np.broadcast_to(np.float64(0), (*weights.shape, shapes[value][-1])),
        attention.CONTRIBUTIONS.axes,
        attention.CONTRIBUTIONS.formula,
        (weights.path, value),
    )


def _baseline(run: Run) -> Baseline | None:
    if run.baseline is None:
        return None
    before, models = run.baseline, run.models
    predicts, change = models.predicts, before.output_change
    answer: Baseline = {
        "translation": before.passage.text,
        "log_probability": finite(before.log_probability) if predicts else None,
        "predicted": [] if models.labels else models.tokens(before.passage.predicted),
        "target_log_probability": finite(before.target_log_probability) if predicts else None,
    }
    if before.label_logits is not None:
        answer["labels"] = likely_labels(models.labels, log_softmax(before.label_logits))
    if change is not None:
        answer["output_change"] = change.tolist()
    return answer


def _notes(run: Run) -> Iterator[Note]:
    if run.protected is not None:
        yield run.protected
    for number in run.unreached:
        yield {"kind": "unreached", "edit": number}
    own_language = run.models.source_language
    other = other_language(run.read, own_language) if own_language else None
    if own_language and other:
        yield {"kind": "language", "reads": own_language, "language": other.language}
