"""Find out what is off in a learner's function: by trying mistakes until one gives its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .._answers import place_of_difference
from .._text import Text, text
from .subject import Array, Candidate, Case, Mistake, Outcome, Results, Subject

_ROUNDING = {"": 1e-9, "float32": 1e-5, "float16": 1e-2}
_WEIGHTS_FIRST = Mistake(
    text("weights before the output", "pesos antes da saída"),
    text("It returns the weights first.", "Ela devolve os pesos primeiro."),
    text("`return output, weights`.", "Escreva `return output, weights`."),
)


@dataclass(frozen=True)
class Diagnosis:
    """What a review of one function found.

    Attributes:
        mistakes: by name, each certain: with them, and no others, the learner's numbers come out.
        reproductions: in so many cases they do.
        findings: what else is wrong, in sentences.
        notes: what is not wrong and worth knowing, in sentences.
        cases: in so many cases the function ran.
    """

    mistakes: tuple[Mistake, ...] = ()
    reproductions: int = 0
    findings: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    cases: int = 0

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong; there may be notes."""
        return not self.mistakes and not self.findings


def diagnose(subject: Subject, outcomes: Sequence[Outcome]) -> Diagnosis:
    """Return what is off in the function that led to these outcomes, one for each case."""
    cases = subject.cases()
    pairs = [(c, o) for c, o in zip(cases, outcomes, strict=True) if not o.is_skipped]
    order = _is_weights_first(pairs)
    if order:
        pairs = [(c, replace(o, values=o.values[::-1])) for c, o in pairs]
    findings = _conduct(subject, pairs)
    notes = _notes(subject, pairs, len(cases))
    bad = [(c, o) for c, o in pairs if not _agrees(o.values, c.right, c.tolerance)]
    mistakes, count = _mistakes(subject, pairs) if any(o.values for _, o in bad) else ((), 0)
    basic = [pair for pair in bad if pair[0].is_basic]
    more = [pair for pair in bad if not pair[0].is_basic]
    if basic and not mistakes:
        findings += [_difference(subject, *basic[0])]
    if not basic and not mistakes and more:
        # Without axes for a batch none of the ONNX cases can be right: the first says it.
        notes += [_difference(subject, *more[0])]
    names = (_WEIGHTS_FIRST,) if order else ()
    return Diagnosis((*names, *mistakes), count, tuple(findings), tuple(notes), len(pairs))


def _is_weights_first(pairs: Sequence[tuple[Case, Outcome]]) -> bool:
    shapes = [
        (tuple(value.shape for value in outcome.values), tuple(part.shape for part in case.right))
        for case, outcome in pairs
        if len(outcome.values) == len(case.right) == 2
    ]
    telling = [(ours, right) for ours, right in shapes if right[0] != right[1]]
    return bool(telling) and all(ours == right[::-1] for ours, right in telling)


def _agrees(values: Results, right: Results, tolerance: float) -> bool:
    """Whether what was returned is right; less than all parts may be returned."""
    return bool(values) and all(
        value.shape == part.shape
        and np.allclose(value, part, rtol=tolerance, atol=tolerance, equal_nan=True)
        for value, part in zip(values, right, strict=False)
    )


def _mistakes(
    subject: Subject, pairs: Sequence[tuple[Case, Outcome]]
) -> tuple[tuple[Mistake, ...], int]:
    """Return the mistakes with which all numbers come out, and in how many cases.

    First for all cases that returned something; then for the basic ones alone, since many a
    function for tables does something else with batches.
    """
    whole = [(case, outcome) for case, outcome in pairs if outcome.values]
    basic = [(case, outcome) for case, outcome in whole if case.is_basic]
    is_wrong = any(not _agrees(o.values, c.right, c.tolerance) for c, o in basic)
    with np.errstate(all="ignore"):
        for some in (whole, basic) if is_wrong and len(basic) < len(whole) else (whole,):
            for candidate in subject.candidates():
                if all(_reproduces(candidate, case, outcome) for case, outcome in some):
                    return candidate.mistakes, len(some)
    return (), 0


def _reproduces(candidate: Candidate, case: Case, outcome: Outcome) -> bool:
    keywords = {} if case.mask is None else {"mask": case.mask}
    if (
        candidate.dtype
        and case.right[0].dtype == float
        and (outcome.values[0].dtype.name != candidate.dtype)
    ):
        return False
    try:
        values = candidate.compute(*case.arguments, **keywords)
    except (IndexError, ValueError):
        return False
    tolerance = max(case.tolerance, _ROUNDING[candidate.dtype])
    return _agrees(outcome.values, values, tolerance)


def _conduct(subject: Subject, pairs: Sequence[tuple[Case, Outcome]]) -> list[Text]:
    """Say what a function does beside returning a result."""
    findings = []
    names = subject.signature.partition("(")[2].split(", ")
    changes = sorted({names[i].split("=")[0].rstrip(")") for _, o in pairs for i in o.changes})
    if changes:
        findings.append(
            text(
                "It changes its input in place ({names}), and with it the caller's "
                "numbers. `x = x - y` makes a new array; `x -= y` writes over the old "
                "one.",
                "Ela muda a própria entrada ({names}), e com ela os números de quem a "
                "chamou. `x = x - y` cria um novo array; `x -= y` escreve por cima do "
                "antigo.",
                names=", ".join(changes),
            )
        )
    if not all(outcome.is_steady for _, outcome in pairs):
        findings.append(
            text(
                "Called twice with the same numbers, it returns different ones: "
                "something in it is drawn at random, or kept from call to call.",
                "Chamada duas vezes com os mesmos números, ela devolve números "
                "diferentes: alguma coisa nela é sorteada, ou guardada de uma chamada "
                "para a outra.",
            )
        )
    return findings


def _notes(subject: Subject, pairs: Sequence[tuple[Case, Outcome]], count: int) -> list[Text]:
    notes = []
    if len(pairs) < count:
        notes.append(
            text(
                "It takes no mask, so the {count} cases with one were left out; "
                "{signature} would be tried in all.",
                "Ela não recebe máscara, e por isso os {count} casos com máscara "
                "ficaram de fora; {signature} seria testada em todos.",
                count=count - len(pairs),
                signature=subject.signature,
            )
        )
    for case, outcome in pairs:
        right_dtype = case.right[0].dtype
        dtype = outcome.values[0].dtype if outcome.values else right_dtype
        if right_dtype == np.float32 and dtype == np.float64:
            notes.append(
                text(
                    "For float32 it returns float64. `np.sqrt(...)` is a number of "
                    "float64, and NumPy computes with the wider of two dtypes; "
                    "`math.sqrt(...)` leaves float32 as it is.",
                    "Para float32 ela devolve float64. `np.sqrt(...)` é um número float64, "
                    "e o NumPy calcula com o mais largo de dois dtypes; `math.sqrt(...)` "
                    "deixa o float32 como está.",
                )
            )
            break
    return notes


def _difference(subject: Subject, case: Case, outcome: Outcome) -> Text:
    """Say what came in one case: an error, another shape, or the largest difference."""
    if outcome.problem:
        stop = text(
            "For {case} it stops: {problem}", "Para {case}, ela para: {problem}",
            case=case.name, problem=outcome.problem,
        )  # fmt: skip
        return _sentence(stop, outcome.line) + case.advice
    # The last part is nearest to the cause: weights before the output.
    parts = list(zip(subject.parts, outcome.values, case.right, strict=False))
    for name, value, right in parts:
        if value.shape != right.shape:
            shapes = text(
                "For {case} the {name} should have the shape {right}; it has {actual}.",
                "Para {case}, o formato esperado ({name}) é {right}; o seu é {actual}.",
                case=case.name,
                name=name,
                right=right.shape,
                actual=value.shape,
            )
            return shapes + case.advice
    for name, value, right in reversed(parts):
        if not _agrees((value,), (right,), case.tolerance):
            return _largest(case, name, value, right) + case.advice
    raise AssertionError(f"{case.name} agrees")


def _sentence(stop: Text, line: tuple[int, str] | None) -> Text:
    if line is None:
        return text("{stop}.", "{stop}.", stop=stop)
    return text(
        "{stop} (line {number}: {line}).",
        "{stop} (linha {number}: {line}).",
        stop=stop,
        number=line[0],
        line=line[1],
    )


def _largest(case: Case, name: Text, value: Array, right: Array) -> Text:
    place = place_of_difference(value, right)
    sentence = text(
        "For {case} the largest difference is in the {name}, at {place} counted from 0: "
        "{actual:.6g}, where {right:.6g} is right.",
        "Para {case}, a maior diferença ({name}) está em {place}, contando a partir de 0: "
        "{actual:.6g}, onde o certo é {right:.6g}.",
        case=case.name,
        name=name,
        place=list(place),
        actual=float(value[place]),
        right=float(right[place]),
    )
    sums = value.sum(axis=-1) if name.en == "weights" and value.ndim else np.ones(1)
    if not np.allclose(sums, 1):
        sentence += text(
            "Its rows do not sum to one; the first sums to {sum:.4g}.",
            "As linhas não somam um; a primeira soma {sum:.4g}.",
            sum=float(np.asarray(sums).reshape(-1)[0]),
        )
    return sentence
