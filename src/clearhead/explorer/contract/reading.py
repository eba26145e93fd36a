"""Parameters as they come, read into a question; whatever does not fit is an error in words.

The words follow from the schema of the question, so that a bound is declared once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ...errors import ClearheadError, ConfigError, TextError
from .first_screen.head_kinds import HeadKindsQuestion
from .meaning.gradients import GradientsQuestion
from .meaning.sweep import SweepQuestion
from .questions import (
    LONG_TEXT,
    LONG_VALUE,
    AlignmentQuestion,
    ArrayQuestion,
    BeamQuestion,
    DiscoveryQuestion,
    EffectsQuestion,
    LensQuestion,
    ModelQuestion,
    NeighboursQuestion,
    OfflineQuestion,
    OverviewQuestion,
    Question,
    RunQuestion,
    WordsQuestion,
)
from .values import HIGHEST, LIMITS, Limits

QUESTIONS: dict[str, type[Question]] = {
    one.question: one
    for one in (
        ModelQuestion,
        RunQuestion,
        WordsQuestion,
        NeighboursQuestion,
        BeamQuestion,
        ArrayQuestion,
        OverviewQuestion,
        HeadKindsQuestion,
        EffectsQuestion,
        LensQuestion,
        GradientsQuestion,
        AlignmentQuestion,
        DiscoveryQuestion,
        SweepQuestion,
        OfflineQuestion,
    )
}
UNKNOWN = ("extra_forbidden", "invalid_key")
MOST_PROBLEMS, MOST_NAMES = 3, 8  # in the words of one error
AnyQuestion = TypeVar("AnyQuestion", bound=Question)
Schema = Mapping[str, Any]


def read_question(question: type[AnyQuestion], params: Any, limits: Limits = LIMITS) -> AnyQuestion:
    """Read the parameters of a question.

    Args:
        question: its type.
        params: named values as JSON has them; or the question itself, which was read before.
        limits: of the explorer that is asked.

    Raises:
        ConfigError: a value is missing, unknown or out of its range.
        TextError: a text is too long.
    """
    try:
        return question.model_validate(params, context=limits)
    except ValidationError as error:
        raise _refusal(question, params, error) from None


def _refusal(question: type[Question], params: Any, error: ValidationError) -> ClearheadError:
    """Return the first problems as one error of ours, names that are unknown before all else."""
    # A question may have as many problems as it has bytes: each is looked at once.
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    long_text = any(problem["type"] == LONG_TEXT for problem in problems)
    sentences = dict.fromkeys(islice(_sentences(question, params, problems), MOST_PROBLEMS))
    return (TextError if long_text else ConfigError)(" ".join(sentences))


def _sentences(
    question: type[Question], params: Any, problems: Sequence[ErrorDetails]
) -> Iterator[str]:
    """Yield a sentence for each problem, those with unknown names of one object together."""
    unknown: dict[tuple[int | str, ...], list[str]] = {}
    for problem in problems:
        if problem["type"] in UNKNOWN:
            unknown.setdefault(problem["loc"][:-1], []).append(str(problem["loc"][-1]))
    for path, names in unknown.items():
        place = _Place(question, params).follow(path)
        accepted = ", ".join(place.schema.get("properties", ())) or "none"
        first = ", ".join(map(shorten, sorted(names)[:MOST_NAMES]))
        more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        yield f"Unknown {first}{more}: {place.owner} takes {accepted}."
    for problem in problems:
        if problem["type"] not in UNKNOWN and not _is_consequence(problem, problems):
            yield _sentence(question, params, problem)


def _is_consequence(problem: ErrorDetails, problems: Sequence[ErrorDetails]) -> bool:
    """Tell whether a list is only too short because one of its entries did not fit."""
    path = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > len(path) and other["loc"][: len(path)] == path for other in problems
    )


def _sentence(question: type[Question], params: Any, problem: ErrorDetails) -> str:
    """Return what is wrong with one value: what it must be, and what it is."""
    kind, path = problem["type"], problem["loc"]
    if kind in (LONG_TEXT, LONG_VALUE):
        return problem["msg"]
    if kind == "missing" and isinstance(path[-1], str):
        return (
            f"{_Place(question, params).follow(path[:-1]).owner} needs {path[-1]}; it is missing."
        )
    place = _Place(question, params).follow(path)
    if kind == "union_tag_not_found":
        return f"{place.owner} needs kind; it is missing."
    if kind == "union_tag_invalid":
        kinds = ", ".join(place.schema["discriminator"]["mapping"])
        value = shorten(place.value["kind"])
        return f"{place.owner}: kind must be one of {kinds}; it is {value}."
    if not place.name:
        return f"{place.owner} takes an object of named values; it is {shorten(place.value)}."
    value = f"is {shorten(place.value)}"
    if kind in ("too_long", "too_short") and path[-1] == place.name and "items" in place.schema:
        value = f"has {len(place.value)}"
    return f"{place.owner}: {place.name} must be {_requirement(place.schema)}; it {value}."


class _Place:
    """A place in the parameters of a question, and what its schema says of it.

    Attributes:
        owner: what the innermost object is called.
        name: of the value in it; empty where the place is the object itself.
        schema: of the value.
        value: that came.
    """

    def __init__(self, question: type[Question], params: Any) -> None:
        self._root = _schema(question)
        self.owner, self.name = question.question, ""
        self.schema, self.value = self._root, params

    def follow(self, path: Sequence[int | str]) -> _Place:
        """Go down a path of pydantic's, as far as objects have names; returns this place."""
        for key in path:
            if isinstance(key, int):
                items = self._resolve(self.schema.get("items", {}))
                if not _is_object(items):
                    break  # a whole window is named, and not one of its numbers
                self.owner, self.name = f"{self.name}[{key}]", ""
                self.schema, self.value = items, self.value[key]
            elif "discriminator" in self.schema:
                self.owner += f" ({key})"
                self.schema = self._resolve({"$ref": self.schema["discriminator"]["mapping"][key]})
            else:
                self.schema = self._resolve(self.schema["properties"][key])
                self.value = self.value.get(key) if isinstance(self.value, Mapping) else None
                whole = _is_object(self.schema)
                self.owner, self.name = (key, "") if whole else (self.owner, key)
        return self

    def _resolve(self, schema: Schema) -> Schema:
        """Return the schema that a reference, or a choice between it and null, means."""
        while "$ref" in schema or "anyOf" in schema:
            if "$ref" in schema:
                schema = self._root["$defs"][schema["$ref"].rpartition("/")[2]]
            else:
                schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        if "items" in schema:
            return {**schema, "items": self._resolve(schema["items"])}
        return schema


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" or "discriminator" in schema


@cache
def _schema(question: type[Question]) -> Schema:
    return question.model_json_schema()


def _requirement(schema: Schema) -> str:
    """Return what a schema asks for, in words: "a whole number between 1 and 8", say."""
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if "prefixItems" in schema:
        return "[start, stop], two whole numbers"
    least, most = schema.get("minimum"), schema.get("maximum")
    if schema["type"] == "integer":
        bounds = f"between {least} and {most}" if most != HIGHEST else f"{least} or more"
        return f"a whole number {bounds}"
    if schema["type"] == "number":
        return f"a number between {least:g} and {most:g}"
    if schema["type"] == "array" and "prefixItems" in schema["items"]:
        return "a list of [start, stop], two whole numbers for each axis"
    if schema["type"] == "array":
        least = schema.get("minItems")
        count = f"{least} to" if least else "at most"
        return f"a list of {count} {schema['maxItems']}"
    if schema["type"] == "boolean":
        return "true or false"
    least, most = schema.get("minLength"), schema.get("maxLength")
    return f"a text of {least} to {most} characters" if least else "a text"


def shorten(value: Any) -> str:
    """Return a value as the words of an error show it: short, whatever it is."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
