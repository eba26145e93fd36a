"""A run as the answer to the question ``run``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...reference.tracing.step import Step
from ...reference.tracing.steps import attention, kind_of
from ...translation.walkthrough import likeliest_tokens
from ..contract.edits import attention_path, index_of, layers_of, paths_of
from ..derivations.derive import derivations
from .run import Run

Array = np.ndarray[Any, Any]


def run_answer(run: Run) -> dict[str, Any]:
    """Everything about a run but its large arrays, as the contract of the explorer names it."""
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
        "seconds": run.seconds,
        "baseline": _baseline(run),
        "notes": list(_notes(run)),
    }


def _sentences(run: Run) -> Iterator[dict[str, Any]]:
    """The pieces of the text, each sentence with what the translator makes of it and how."""
    for number, piece in enumerate(run.pieces):
        answer: dict[str, Any] = {"text": piece.text, "translated": piece.translate}
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
    """A number for JSON, which has no infinity."""
    return float(value) if math.isfinite(value) else None


def _next(run: Run) -> Iterator[dict[str, Any]]:
    """The likeliest next tokens after each of the decoder's, and the one that was taken."""
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


def _attention(run: Run) -> Iterator[dict[str, Any]]:
    source_len, target_len = len(run.source), len(run.target)
    for part, queries, keys in (
        ("encoder", source_len, source_len),
        ("decoder", target_len, target_len),
        ("cross", target_len, source_len),
    ):
        for layer in range(layers_of(part, run.config)):
            yield {
                "part": part,
                "layer": layer,
                "heads": run.config.num_heads,
                "queries": queries,
                "keys": keys,
                "path": attention_path(part, layer),
            }


def _steps(run: Run) -> Iterator[dict[str, Any]]:
    """Every step, attention's contributions among them, in the order of computation."""
    replaced: dict[str, list[dict[str, Any]]] = {}
    for number, edit in enumerate(run.request.edits):
        for path in paths_of(edit, run.config):
            if number not in run.unreached:
                replaced.setdefault(path, []).append({"edit": number, "index": index_of(edit)})
    for step in run.trace:
        yield _step(run, step, replaced.get(step.path, []))
        if step.name == "weights":
            yield _step(run, _contributions(run, step), [])


def _step(run: Run, step: Step, replaced_at: list[dict[str, Any]]) -> dict[str, Any]:
    edits = [run.request.edits[place["edit"]] for place in replaced_at]
    kind = kind_of(step.path, step.formula)
    return {
        "path": step.path,
        "shape": list(step.shape),
        "axes": list(step.axes),
        "formula": step.formula,
        "notation": kind.notation if kind else "",
        "of": list(step.of),
        "replaced": bool(replaced_at),
        "replaced_at": replaced_at,
        "derivations": [
            derivation.to_json() for derivation in derivations(step, run.trace, run.config, edits)
        ],
    }


def _contributions(run: Run, weights: Step) -> Step:
    """The step that is computed window by window: only its shape is here."""
    scope = weights.path.removesuffix(".weights")
    value = run.trace[f"{scope}.value"]
    return Step(
        f"{scope}.contributions",
        np.broadcast_to(np.float64(0), (*weights.shape, value.shape[-1])),
        attention.CONTRIBUTIONS.axes,
        attention.CONTRIBUTIONS.formula,
        (weights.path, value.path),
    )


def _baseline(run: Run) -> dict[str, Any] | None:
    if run.baseline is None:
        return None
    return {
        "translation": run.baseline.translation,
        "log_probability": finite(run.baseline.log_probability),
        "predicted": run.models.tokens(run.baseline.predicted),
        "target_log_probability": finite(run.baseline.target_log_probability),
    }


def _notes(run: Run) -> Iterator[dict[str, Any]]:
    if run.protected is not None:
        yield run.protected
    for number in run.unreached:
        yield {"kind": "unreached", "edit": number}
