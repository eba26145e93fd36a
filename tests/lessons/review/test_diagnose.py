"""One wrong function for each mistake, written as learners write it, and diagnosed by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from clearhead.lessons.review.child import _outcomes
from clearhead.lessons.review.diagnose import Diagnosis, diagnose
from clearhead.lessons.review.run import _outcome
from clearhead.lessons.review.subject import Subject
from clearhead.lessons.review.subjects import SUBJECTS

BY_NAME = {subject.name: subject for subject in SUBJECTS}


def review(subject: Subject, function: Any) -> Diagnosis:
    """Review a function in this process, as the process of its own would."""
    with np.errstate(all="ignore"):
        outcomes = _outcomes(function, subject, __file__)
    return diagnose(subject, [_outcome(outcome) for outcome in outcomes])


def attention(**changes: str) -> Any:
    """A learner's attention, with some of its lines written otherwise."""
    lines = {
        "scores": "query @ np.swapaxes(key, -1, -2)",
        "scale": "scores / math.sqrt(key.shape[-1])",
        "mask": "np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask",
        "shift": "scores - scores.max(axis=-1, keepdims=True)",
        "weights": "e / e.sum(axis=-1, keepdims=True)",
        "after": "weights",
        "output": "weights @ value",
        "result": "(output, weights)",
    } | changes
    source = f"""
def my_attention(query, key, value, mask=None):
    scores = {lines["scores"]}
    scores = {lines["scale"]}
    if mask is not None:
        scores = {lines["mask"]}
    e = np.exp({lines["shift"]})
    weights = {lines["weights"]}
    weights = {lines["after"]}
    output = {lines["output"]}
    return {lines["result"]}
"""
    names = {"np": np, "math": math}
    exec(source, names)
    return names["my_attention"]


WRONG = [
    ("no keepdims", {"weights": "e / e.sum(axis=-1)"}),
    ("maximum without keepdims", {"shift": "scores - scores.max(axis=-1)"}),
    ("no maximum subtracted", {"shift": "scores"}),
    ("maximum of the whole table", {"shift": "scores - np.max(scores)"}),
    ("softmax over the wrong axis", {"weights": "e / e.sum(axis=-2, keepdims=True)"}),
    ("softmax over the whole table", {"shift": "scores - scores.max()", "weights": "e / e.sum()"}),
    ("axis counted from the front",
     {"shift": "scores - scores.max(axis=1, keepdims=True)",
      "weights": "e / e.sum(axis=1, keepdims=True)"}),
    ("no softmax", {"weights": "scores"}),
    ("no exponential", {"weights": "scores / scores.sum(axis=-1, keepdims=True)"}),
    ("no scale", {"scale": "scores"}),
    ("scale by d_k", {"scale": "scores / key.shape[-1]"}),
    ("multiplied by the root", {"scale": "scores * math.sqrt(key.shape[-1])"}),
    ("scale by the value's width", {"scale": "scores / math.sqrt(value.shape[-1])"}),
    ("scale by the number of keys", {"scale": "scores / math.sqrt(key.shape[-2])"}),
    ("scale by the number of queries", {"scale": "scores / math.sqrt(query.shape[-2])"}),
    ("d_k counted from the front", {"scale": "scores / math.sqrt(key.shape[1])"}),
    ("scale after softmax",
     {"scale": "scores", "after": "weights / math.sqrt(key.shape[-1])"}),
    ("mask ignored", {"mask": "scores"}),
    ("mask inverted",
     {"mask": "np.where(mask, -np.inf, scores) if mask.dtype == bool else scores + mask"}),
    ("mask after softmax",
     {"mask": "scores if mask.dtype == bool else scores + mask",
      "after": "weights if mask is None or mask.dtype != bool else weights * mask"}),
    ("boolean mask added", {"mask": "scores + mask"}),
    ("masked with zero",
     {"mask": "np.where(mask, scores, 0) if mask.dtype == bool else scores + mask"}),
    ("computed in float32", {"scores": "query.astype('f4') @ np.swapaxes(key, -1, -2).astype('f4')",
                             "output": "weights @ value.astype('f4')"}),
    ("result cut to integers", {"result": "(output.astype(value.dtype), weights)"}),
    ("weights transposed", {"output": "np.swapaxes(weights, -1, -2) @ value"}),
    ("result transposed", {"result": "(np.swapaxes(output, -1, -2), weights)"}),
    ("contributions not summed",
     {"result": "(weights[..., None] * value[..., None, :, :], weights)"}),
    ("keys not transposed", {"scores": "query @ key"}),
    ("order of query, key and value",
     {"scores": "query @ np.swapaxes(value, -1, -2)", "output": "weights @ key"}),
    ("weights before the output", {"result": "(weights, output)"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes"), WRONG, ids=[name for name, _ in WRONG])
def test_a_mistake_is_diagnosed_by_name(name, changes):
    diagnosis = review(BY_NAME["attention"], attention(**changes))
    assert [mistake.name.en for mistake in diagnosis.mistakes] == [name]
    assert not diagnosis.findings
    assert not diagnosis.is_right


def test_what_is_right_is_right_with_or_without_the_weights_beside_it():
    for changes in ({}, {"result": "output"}):
        diagnosis = review(BY_NAME["attention"], attention(**changes))
        assert diagnosis.is_right
        assert diagnosis.cases == 17
        # Only what ONNX says of a query that may attend to nothing is off.
        (note,) = diagnosis.notes
        assert "fullymasked" in note.en


def test_two_and_three_mistakes_at_once():
    wrong = attention(
        scale="scores / key.shape[-1]",
        weights="e / e.sum(axis=-1)",
        mask="np.where(mask, scores, 0)",
    )
    names = {mistake.name.en for mistake in review(BY_NAME["attention"], wrong).mistakes}
    assert names == {"scale by d_k", "no keepdims", "masked with zero"}


def test_a_mistake_without_a_name_is_told_with_its_place():
    diagnosis = review(BY_NAME["attention"], attention(scale="scores / 1.75"))
    assert diagnosis.mistakes == ()
    (finding,) = diagnosis.findings
    assert "the numbers of lesson 1 the largest difference is in the weights, at [" in finding.en


def test_a_shape_an_error_a_change_and_a_draw():
    def shape(query, key, value, mask=None):
        return np.zeros((7, 7))

    def error(query, key, value, mask=None):
        return query @ key.reshape(2, 2)

    def change(query, key, value, mask=None):
        query /= 2.0
        return attention()(2 * query, key, value, mask)

    def draw(query, key, value, mask=None):
        return np.random.normal(size=(3, 3))  # noqa: NPY002 - as learners do

    findings = [review(BY_NAME["attention"], f).findings for f in (shape, error, change, draw)]
    assert "should have the shape (3, 3); it has (7, 7)" in findings[0][0].en
    assert "it stops: ValueError" in findings[1][0].en
    assert "return query @ key.reshape(2, 2))" in findings[1][0].en
    assert "changes its input in place (query)" in findings[2][0].en
    assert "different ones" in findings[3][0].en


def test_notes_are_no_mistakes():
    def without_mask(query, key, value):
        scores = query @ key.T / np.sqrt(key.shape[-1])
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True) @ value

    diagnosis = review(BY_NAME["attention"], without_mask)
    assert diagnosis.is_right
    takes_no_mask, float64, batches = map(str, diagnosis.notes)
    assert "takes no mask" in takes_no_mask
    assert "math.sqrt" in float64
    assert "np.swapaxes(key, -1, -2)" in batches


def test_every_candidate_is_wrong_somewhere_and_no_two_single_ones_are_the_same():
    """Else a right function would have a mistake, or a mistake two names."""
    subject = BY_NAME["attention"]
    cases = subject.cases()
    seen: dict[bytes, str] = {}
    with np.errstate(all="ignore"):
        for candidate in subject.candidates():
            if len({mistake.name.en for mistake in candidate.mistakes}) > 1:
                continue
            prints = b""
            for case in cases:
                keywords = {} if case.mask is None else {"mask": case.mask}
                try:
                    values = candidate.compute(*case.arguments, **keywords)
                except (IndexError, ValueError):
                    prints += b"refused"
                else:
                    prints += b"".join(np.round(value, 6).tobytes() for value in values)
            name = candidate.mistakes[0].name.en
            assert seen.setdefault(prints, name) == name
    right = b"".join(np.round(part, 6).tobytes() for case in cases for part in case.right)
    assert right not in seen
    assert len(seen) > 40


def _softmax(shift: str, total: str) -> Any:
    names: dict[str, Any] = {"np": np}
    exec(f"def softmax(x):\n e = np.exp(x - {shift})\n return e / {total}", names)
    return names["softmax"]


@pytest.mark.parametrize(
    ("names", "shift", "total"),
    [
        ([], "x.max(axis=-1, keepdims=True)", "e.sum(axis=-1, keepdims=True)"),
        (["no keepdims"], "x.max(axis=-1, keepdims=True)", "e.sum(axis=-1)"),
        (["no maximum subtracted"], "0", "e.sum(axis=-1, keepdims=True)"),
        (["maximum of the whole table"], "np.max(x)", "e.sum(axis=-1, keepdims=True)"),
        (["axis counted from the front"], "x.max(1, keepdims=True)", "e.sum(1, keepdims=True)"),
        (["softmax over the whole table", "no maximum subtracted"], "0", "e.sum()"),
    ],
)
def test_softmax(names, shift, total):
    diagnosis = review(BY_NAME["softmax"], _softmax(shift, total))
    assert [mistake.name.en for mistake in diagnosis.mistakes] == names
    assert diagnosis.is_right is not bool(names)


@pytest.mark.parametrize(
    ("name", "split", "merge"),
    [
        ("", "p.reshape(n, h, -1).transpose(1, 0, 2)", "m.transpose(1, 0, 2).reshape(n, -1)"),
        ("split without transpose", "p.reshape(h, n, -1)", "m.transpose(1, 0, 2).reshape(n, -1)"),
        ("merge without transpose", "p.reshape(n, h, -1).transpose(1, 0, 2)", "m.reshape(n, -1)"),
    ],
)
def test_multi_head_attention(name, split, merge):
    names: dict[str, Any] = {"np": np, "attention": attention()}
    source = (
        "def multi_head_attention(x, W_query, W_key, W_value, W_output, h):\n n = len(x)\n"
        f" q, k, v = ({split} for p in (x @ W_query, x @ W_key, x @ W_value))\n"
        f" m, w = attention(q, k, v)\n return {merge} @ W_output, w"
    )
    exec(source, names)
    diagnosis = review(BY_NAME["multi_head_attention"], names["multi_head_attention"])
    assert [mistake.name.en for mistake in diagnosis.mistakes] == ([name] if name else [])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("", "d / np.sqrt(v + 1e-5) * weight + bias"),
        ("no epsilon", "d / np.sqrt(v) * weight + bias"),
        ("epsilon outside of the root", "d / (np.sqrt(v) + 1e-5) * weight + bias"),
        ("variance without its root", "d / (v + 1e-5) * weight + bias"),
        ("no bias", "d / np.sqrt(v + 1e-5) * weight"),
        ("bias before weight", "(d / np.sqrt(v + 1e-5) + bias) * weight"),
        ("no weight and no bias", "d / np.sqrt(v + 1e-5)"),
    ],
)
def test_layer_norm(name, body):
    names: dict[str, Any] = {"np": np}
    source = (
        "def layer_norm(x, weight, bias):\n d = x - x.mean(axis=-1, keepdims=True)\n"
        f" v = x.var(axis=-1, keepdims=True)\n return {body}"
    )
    exec(source, names)
    diagnosis = review(BY_NAME["layer_norm"], names["layer_norm"])
    assert [mistake.name.en for mistake in diagnosis.mistakes] == ([name] if name else [])
