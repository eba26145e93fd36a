"""The OpenAPI document is whole: each question, its parameters, its answers, nothing undeclared."""

from __future__ import annotations

import json
import re

from clearhead.explorer.contract.answers import ANSWERS, WITH_ARRAYS
from clearhead.explorer.contract.documents.openapi import CONTAINER, REASONS, definitions, openapi
from clearhead.explorer.contract.reading import QUESTIONS


def test_every_reference_leads_to_a_schema():
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(openapi())))
    assert references <= set(openapi()["components"]["schemas"])
    assert {question.__name__ for question in QUESTIONS.values()} <= references
    assert {"SetWeight", "Error"} <= references


def test_parameters_and_answers_are_those_of_the_types():
    for name, question in QUESTIONS.items():
        operation = openapi()["paths"][f"/api/{name}"]["post"]
        (body,) = operation["requestBody"]["content"].values()
        assert body["schema"]["$ref"].endswith(f"/{question.__name__}")
        ((media_type, answer),) = operation["responses"]["200"]["content"].items()
        assert (media_type == CONTAINER) == (name in WITH_ARRAYS)
        if name not in WITH_ARRAYS:
            assert answer["schema"]["$ref"].endswith(f"/{ANSWERS[name].__name__}")
        assert set(operation["responses"]) == {"200", *map(str, REASONS)}


def test_the_usual_limits_stand_in_the_schemas():
    run = definitions()["RunQuestion"]["properties"]
    assert run["text"]["anyOf"][0]["maxLength"] == 20_000
    assert run["edits"]["anyOf"][0]["maxItems"] == 32
    assert run["beam_size"] == {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 8}, {"type": "null"}],
        "default": 4,
        "title": "Beam Size",
    }
