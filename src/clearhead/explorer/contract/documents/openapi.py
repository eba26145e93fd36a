"""The OpenAPI document of the server: every question, its parameters and its answers."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import TypedDict

from ...._version import __version__
from ..answers import ANSWERS, WITH_ARRAYS
from ..questions import Question
from ..reading import QUESTIONS
from ..saved_page import SavedPage

DOCUMENT = "/api/openapi.json"
CONTAINER = "application/octet-stream"
REFERENCE = "#/components/schemas/{model}"
# Status -> when an error has it.
REASONS = {
    400: "What is asked does not fit the model or the text.",
    403: "The request comes from another page, or without the token.",
    404: "There is no such question, or no such step.",
    405: "Questions are asked with POST.",
    408: "The request's body did not come in time.",
    413: "The request's body is too long.",
    415: "The request's body is not named as JSON.",
    421: "The Host header is not this server's.",
    422: "The parameters are not those of the question.",
    429: "Too many questions at once.",
    431: "The address and the headers are too long.",
    503: "The answer took too long, or the wait for its turn.",
}


class ErrorWords(TypedDict):
    """The name of an error, and what was asked, what came, what to do."""

    kind: str
    message: str


class Error(TypedDict):
    """An answer that is an error."""

    error: ErrorWords


@cache
def definitions(template: str = REFERENCE) -> dict[str, Any]:
    """Return the JSON schemas of questions, answers, a saved page and their parts, by name.

    Args:
        template: how one schema refers to another; ``{model}`` stands for its name.
    """
    mode: JsonSchemaMode = "validation"
    types: list[Any] = [*QUESTIONS.values(), *ANSWERS.values(), SavedPage, Error]
    adapters = [(one.__name__, mode, TypeAdapter(one)) for one in types]
    return TypeAdapter.json_schemas(adapters, ref_template=template)[1]["$defs"]


@cache
def openapi() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "clearhead explorer",
            "version": __version__,
            "description": "One sentence, and every number between it and its translation.",
        },
        "paths": {f"/api/{name}": {"post": _operation(one)} for name, one in QUESTIONS.items()},
        "components": {"schemas": definitions()},
    }


def _operation(question: type[Question]) -> dict[str, Any]:
    """Return the description of one question."""
    name = question.question
    plain = _json(ANSWERS[name])
    if name in WITH_ARRAYS:
        plain = {CONTAINER: {"schema": {"type": "string", "format": "binary"}}}
    responses = {"200": {"description": _summary(ANSWERS[name]), "content": plain}}
    for status, reason in REASONS.items():
        response: dict[str, Any] = {"description": reason, "content": _json(Error)}
        if status in (429, 503):
            seconds = {"description": "Seconds to wait.", "schema": {"type": "string"}}
            response["headers"] = {"Retry-After": seconds}
        responses[str(status)] = response
    return {
        "operationId": name,
        "summary": _summary(question),
        "requestBody": {"required": True, "content": _json(question)},
        "responses": responses,
    }


def _json(type_: Any) -> dict[str, Any]:
    reference = {"$ref": REFERENCE.format(model=type_.__name__)}
    return {"application/json": {"schema": reference}}


def _summary(type_: Any) -> str:
    return (type_.__doc__ or "").partition("\n")[0]
