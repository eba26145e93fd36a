"""Which checkpoint of a training run a question is about."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.explorer.contract.first_screen.checkpoints import (
    at_checkpoint,
    check_checkpoint,
    checkpoint_of,
)
from clearhead.explorer.contract.reading import QUESTIONS, read_question

RUN = {"text": "A cat.", "checkpoint": 4}
PARAMS = {
    "run": RUN,
    "beam": {"run": RUN},
    "neighbours": {"token": 7, "stack": "encoder", "checkpoint": 4},
}


@pytest.mark.parametrize("name", PARAMS)
def test_a_question_names_a_checkpoint(name):
    question = read_question(QUESTIONS[name], PARAMS[name])
    assert checkpoint_of(question) == 4
    other = at_checkpoint(question, 8)
    assert checkpoint_of(other) == 8
    assert at_checkpoint(other, 4) == question
    check_checkpoint(question, 4)
    for step in (8, None):
        with pytest.raises(ConfigError, match="about the checkpoint of step 4, and this is no"):
            check_checkpoint(question, step)


@pytest.mark.parametrize("name", ["model", "words", "run"])
def test_a_question_names_none(name):
    params = {"model": {}, "words": {"query": "cat"}, "run": {"text": "A cat."}}
    question = read_question(QUESTIONS[name], params[name])
    assert checkpoint_of(question) is None
    check_checkpoint(question)
    assert checkpoint_of(at_checkpoint(question, 8)) == (8 if name == "run" else None)
