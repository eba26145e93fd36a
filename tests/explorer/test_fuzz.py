"""Questions made up from the server's own description: none is answered with a fault, and every
answer is one that the description names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema

from clearhead.explorer.contract.reading import QUESTIONS
from tests.explorer.served import served

# A schema cannot say which layers a model has, or how many positions a text: what fits it may be
# refused with 400, or with 404 for a step that does not exist. All other checks are as they come.
# What breaks it may be too large to be read at all, 413.
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404"]},
        "negative_data_rejection": {"expected-statuses": ["400", "404", "413", "422"]},
    }
}


@pytest.fixture(scope="module")
def description(checkpoint) -> Iterator[BaseSchema]:
    with served("--model", str(checkpoint.folder)) as server:
        url = f"{server.base}/api/openapi.json"
        yield schemathesis.openapi.from_url(url, config=SchemathesisConfig.from_dict(CONFIG))
        # Whatever came, it is still there and has complained of nothing.
        assert server.process.poll() is None
        assert server.end()[1] == ""


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_meets_a_fault_or_an_answer_that_is_not_described(description, name, mode):
    operation = description[f"/api/{name}"]["POST"]
    # offline takes seconds by its nature, and its parameters are run's.
    examples = 3 if name == "offline" else 15

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    def ask(case):
        case.call_and_validate()

    ask()
