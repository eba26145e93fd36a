"""A run as the answer to the question ``run``."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...reference.tracing.step import Step
from ...reference.tracing.steps import attention, kind_of
from ...translation.attention_paths import PARTS
from ...translation.walkthrough import likeliest_tokens
from ..contract.parts import attention_path, layers_of
from ..contract.run_answers import (
    AttentionAnswer,
    Baseline,
    NextTokens,
    Note,
    Replacement,
    RunAnswer,
    Sentence,
    StepAnswer,
)
from ..derivations.derive import derivations
from .run import Run


def run_answer(run: Run) -> RunAnswer:
    """Answer ``run``: everything about a run but its large arrays."""
    models, log_probabilities = run.models, run.log_probabilities
    return {
        "request": run.request.to_dict(),
        "text": run.request.text,
        "sentences": list(_sentences(run)),
        "sentence": run.request.sentence,
        "translation": run.translation,
        "target_given": run.request.target is not None,
        "source": models.tokens(run.source),
        "decoder_input": models.tokens(run.target),
        "predicted": models.tokens(run.predicted),
        "log_probability": finite(log_probabilities.sum()),
        "log_probabilities": [finite(value) for value in log_probabilities],
        "next": list(_next(run)),
        "attention": list(_attention(run)),
        "steps": list(_steps(run)),
        "check": {
            "largest": finite(run.largest_difference),
            "of": "log-probability",
            "fast": "NumPy float32 with its cache",
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


def _sentences(run: Run) -> Iterator[Sentence]:
    """Yield the pieces of the text, each sentence with the translator's translation and rules."""
    for number, piece in enumerate(run.pieces):
        answer: Sentence = {"text": piece.text, "translated": piece.translate}
        if piece.translate:
            translation = run.translations[number]
            actions = [action for segment in translation.segments for action in segment.actions]
            answer["translation"] = translation.text
            answer["read"] = " ".join(s.read for s in translation.segments if s.read)
            answer["rules"] = [{"rule": one.rule, "change": one.change} for one in actions]
        elif piece.rule:
            answer["rules"] = [{"rule": piece.rule, "change": "kept as it is"}]
        yield answer


def finite(value: float) -> float | None:
    """Return a number as JSON has it: None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def _next(run: Run) -> Iterator[NextTokens]:
    """Yield the likeliest tokens after each of the decoder's, and the one that follows it."""
    rows = run.trace["probabilities"].value[0]
    for row, target_token in zip(rows, run.predicted, strict=True):
        likeliest = likeliest_tokens(row, target_token, run.models.tokenizer.vocab_size)
        yield {
            "likeliest": [
                {"token": run.models.token(token), "probability": probability}
                for token, probability in zip(
                    likeliest.tokens, likeliest.probabilities, strict=True
                )
            ],
            "taken": {
                "token": run.models.token(target_token),
                "probability": likeliest.target_probability,
                "rank": likeliest.target_rank,
            },
        }


def _attention(run: Run) -> Iterator[AttentionAnswer]:
    """Yield every attention of the model, part by part."""
    source_len, target_len = len(run.source), len(run.target)
    for part in PARTS:
        queries = source_len if part == "encoder" else target_len
        keys = target_len if part == "decoder" else source_len
        for layer in range(layers_of(part, run.config)):
            yield {
                "part": part,
                "layer": layer,
                "heads": run.config.num_heads,
                "queries": queries,
                "keys": keys,
                "path": attention_path(part, layer),
            }


def _steps(run: Run) -> Iterator[StepAnswer]:
    """Yield every step, attention's contributions among them, in the order of computation."""
    replacements: dict[str, list[Replacement]] = {}
    for number, edit in enumerate(run.request.edits):
        for path in edit.paths(run.config):
            if number not in run.unreached:
                place: Replacement = {"edit": number, "index": edit.index()}
                replacements.setdefault(path, []).append(place)
    for step in run.trace:
        yield _step(run, step, replacements.get(step.path, []))
        if step.name == "weights":
            yield _step(run, _contributions(run, step), [])


def _step(run: Run, step: Step, replaced_at: list[Replacement]) -> StepAnswer:
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


def _contributions(run: Run, weights: Step) -> Step:
    """Return a step that is computed window by window: only its shape is here."""
    scope = weights.path.removesuffix(".weights")
    value = run.trace[f"{scope}.value"]
    return Step(
        f"{scope}.contributions",
        np.broadcast_to(np.float64(0), (*weights.shape, value.shape[-1])),
        attention.CONTRIBUTIONS.axes,
        attention.CONTRIBUTIONS.formula,
        (weights.path, value.path),
    )


def _baseline(run: Run) -> Baseline | None:
    if run.baseline is None:
        return None
    return {
        "translation": run.baseline.translation,
        "log_probability": finite(run.baseline.log_probability),
        "predicted": run.models.tokens(run.baseline.predicted),
        "target_log_probability": finite(run.baseline.target_log_probability),
    }


def _notes(run: Run) -> Iterator[Note]:
    if run.protected is not None:
        yield run.protected
    for number in run.unreached:
        yield {"kind": "unreached", "edit": number}
