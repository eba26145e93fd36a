from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.contract.run_answers import RunParams


def test_the_parameters_of_a_run_are_those_of_its_question():
    adapter = TypeAdapter(RunParams)
    params = RunQuestion(text="A cat.", sentence=1).to_dict()
    assert adapter.validate_python(params) == RunQuestion(text="A cat.", sentence=1)
    schema = adapter.json_schema()
    properties = schema.get("properties") or schema["$defs"]["RunQuestion"]["properties"]
    assert list(properties) == list(RunQuestion.model_fields)
    with pytest.raises(ValidationError, match="more"):
        adapter.validate_python(params | {"more": 1})
