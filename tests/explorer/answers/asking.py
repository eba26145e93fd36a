"""Runs asked of an explorer, and what they are checked against."""

from __future__ import annotations

import numpy as np

from clearhead.explorer.contract.edits import changes_of
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.contract.reading import read_question
from clearhead.explorer.passes.edited_engine import replacements
from clearhead.reference.softmax import log_softmax
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer

TEXT = "The old man walks slowly to the house."
ABLATE = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}
SET = {"kind": "set_weight", "part": "cross", "layer": 0, "head": 1, "query": 1, "key": 0,
       "value": 1.0, "renormalise": True}  # fmt: skip


def ask(explorer, **params):
    return explorer.answer("run", {"text": TEXT, **params}).json


def run_of(explorer, answer):
    """The run itself, by what the answer gives as its request."""
    return explorer.run(read_question(RunQuestion, answer["request"]))


def ids(tokens):
    return [token["id"] for token in tokens]


def expected_log_probabilities(checkpoint, answer, edits=()):
    """From a model and a pass of our own: Float["target_len vocab"]."""
    model = Transformer(checkpoint.config, checkpoint.weights)
    changes = changes_of(edits, checkpoint.config)
    trace = Trace(keep=[], replace=replacements(changes))
    source, target = ids(answer["source"]), ids(answer["decoder_input"])
    return log_softmax(model.forward(np.array([source]), np.array([target]), trace=trace)[0])
