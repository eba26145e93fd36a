"""What the beam weighed is what the search did."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.contract.reading import read_question
from clearhead.reference.softmax import log_softmax
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.search.special_tokens import SpecialTokens

TEXT = "Where is the old house?"
ABLATE = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}


def beam(explorer, beam_size, edits=()):
    params = {"text": TEXT, "beam_size": beam_size, "edits": list(edits)}
    run = explorer.answer("run", params).json
    return run, explorer.answer("beam", {"run": run["request"], "beam_size": beam_size}).json


@pytest.mark.parametrize("edits", [[], [ABLATE]])
@pytest.mark.parametrize("beam_size", [1, 3, 8])
def test_finished_hypotheses_are_those_of_a_search(explorer, beam_size, edits):
    run, answer = beam(explorer, beam_size, edits)
    source = [token["id"] for token in run["source"]]
    changes = explorer.run(read_question(RunQuestion, run["request"])).changes
    settings = SearchSettings(beam_size=beam_size, n_best=beam_size, max_length=63)
    engine = explorer.models.fast_with(changes)
    expected = search(engine, [source], settings, special=SpecialTokens())[0]
    assert [hypothesis["score"] for hypothesis in answer["finished"]] == [h.score for h in expected]
    assert [hypothesis["log_probability"] for hypothesis in answer["finished"]] == [
        h.log_prob for h in expected
    ]
    assert [hypothesis["chosen"] for hypothesis in answer["finished"]] == [True] + [False] * (
        len(expected) - 1
    )
    assert answer["finished"][0]["translation"] == run["translation"]


@pytest.mark.parametrize("beam_size", [1, 4])
def test_kept_prefixes_are_those_of_the_next_step(explorer, beam_size):
    _, answer = beam(explorer, beam_size)
    for step, following in zip(answer["steps"], answer["steps"][1:], strict=False):
        survivors = {
            (*prefix["pieces"], entry["token"]["piece"]): entry["total"]
            for prefix in step["prefixes"]
            for entry in prefix["continuations"]
            if entry["fate"] == "kept"
        }
        assert 1 <= len(survivors) <= beam_size
        assert survivors == {
            tuple(prefix["pieces"]): prefix["log_probability"] for prefix in following["prefixes"]
        }


def test_finished_continuations_are_the_finished_hypotheses(explorer):
    _, answer = beam(explorer, 4)
    candidates = [
        (prefix["pieces"], pytest.approx(entry["total"], abs=1e-4))
        for step in answer["steps"]
        for prefix in step["prefixes"]
        for entry in prefix["continuations"]
        if entry["fate"] == "finished"
    ]
    ended = [hypothesis for hypothesis in answer["finished"] if hypothesis["ended"]]
    assert len(candidates) == len(ended) >= 1
    for hypothesis in ended:
        assert (hypothesis["pieces"], hypothesis["log_probability"]) in candidates


def test_probabilities_are_the_models(explorer):
    run, answer = beam(explorer, 2)
    by_piece = {piece: token for token, piece in enumerate(explorer.models.tokenizer._pieces)}
    source = np.array([[token["id"] for token in run["source"]]])
    for step in answer["steps"][:4]:
        for prefix in step["prefixes"]:
            target = [1, *(by_piece[piece] for piece in prefix["pieces"])]
            logits = explorer.models.reference.forward(source, np.array([target]))[0, -1]
            expected = log_softmax(logits)
            continuations = prefix["continuations"]
            assert len(continuations) >= 5
            assert [e["probability"] for e in continuations] == sorted(
                (e["probability"] for e in continuations), reverse=True
            )
            for entry in continuations:
                log_probability = expected[entry["token"]["id"]]
                assert entry["probability"] == pytest.approx(np.exp(log_probability), rel=1e-3)
                assert entry["total"] == pytest.approx(
                    prefix["log_probability"] + log_probability, abs=1e-3
                )


def test_a_beam_may_be_as_wide_as_the_run(explorer):
    run = explorer.answer("run", {"text": TEXT, "beam_size": 3}).json
    answer = explorer.answer("beam", {"run": run["request"]}).json
    assert answer["beam_size"] == 3
    assert max(len(step["prefixes"]) for step in answer["steps"]) == 3
