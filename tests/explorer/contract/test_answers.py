"""Every answer is of the type that the contract declares for it, whoever answers."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from clearhead.errors import ConfigError
from clearhead.explorer.contract.answers import ANSWERS, WITH_ARRAYS, Answer
from clearhead.explorer.contract.arrays import to_json
from clearhead.explorer.contract.reading import QUESTIONS
from clearhead.explorer.offline.page import offline_answer
from clearhead.explorer.recordings.sweep import SweepExplorer, sweep_answer
from tests.explorer.recordings.test_sweep import MEMBERS

TEXT = "The old man walks slowly to the house. It has 3 doors."
HEAD = {"part": "cross", "layer": 0, "head": 1}
EDITS = [
    {"kind": "ablate_head", **HEAD},
    {"kind": "set_weight", **HEAD, "query": 1, "key": 0, "value": 0.5, "renormalise": True},
    {"kind": "set_weight", "part": "decoder", "layer": 1, "head": 0, "query": 2, "key": 1,
     "value": 1.0},
    {"kind": "mask_token", "position": 1},
    {"kind": "swap_token", "position": 2, "token": 270},
    {"kind": "attention_temperature", **HEAD, "value": 2.0},
    {"kind": "output_temperature", "value": 0.5},
]  # fmt: skip


@cache
def adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(ANSWERS[name])


def assert_fits(name: str, answer: Answer) -> None:
    """The answer has exactly the keys and types of its declaration, on its way as JSON, too."""
    adapter(name).validate_python(answer.json, strict=True, extra="forbid")
    adapter(name).validate_json(to_json(answer.json), strict=True, extra="forbid")
    assert bool(answer.arrays) == (name in WITH_ARRAYS)


RUNS = {
    "plain": {"text": TEXT},
    "another sentence": {"text": TEXT, "sentence": 1, "beam_size": 1},
    "a given target": {"text": TEXT, "target": "un homme"},
    "every kind of edit": {"text": TEXT, "edits": EDITS},
    "placeholders": {"text": "It costs {price} at www.example.com on 3/4/2025."},
}


@pytest.mark.parametrize("params", RUNS.values(), ids=RUNS)
def test_runs_of_a_translation(explorer, params):
    answer = explorer.answer("run", params)
    assert_fits("run", answer)
    if "edits" in params:
        assert any(step["replaced_at"] for step in answer.json["steps"])


def questions(run: dict[str, Any], path: str) -> dict[str, dict[str, Any]]:
    return {
        "model": {},
        "words": {"query": "house"},
        "neighbours": {"token": 7, "stack": "decoder"},
        "beam": {"run": run, "beam_size": 3},
        "array": {"run": run, "items": [{"path": path}, {"path": path, "window": [[0, 1]] * 4}]},
        "overview": {"run": run, "part": "cross"},
        "head_kinds": {"run": run, "part": "cross"},
        "lens": {"run": run, "position": 0},
        "gradients": {"run": run, "position": 0},
        "effects": {"run": run, **HEAD, "query": 1},
        "alignment": {"run": run},
        "discovery": {"run": run, "kind": "hide_word"},
    }


@pytest.mark.parametrize("edits", [[], EDITS[:1], [{"kind": "mask_token", "position": 0}]])
def test_answers_about_a_translation(explorer, edits):
    run = explorer.answer("run", {"text": TEXT, "edits": edits}).json
    params_by_name = questions(run["request"], f"{run['attention'][0]['path']}.weights")
    for name, params in params_by_name.items():
        if name == "gradients" and edits:
            with pytest.raises(ConfigError, match="an edit replaces a step"):
                explorer.answer(name, params)
            continue
        assert_fits(name, explorer.answer(name, params))
    for kind in ("switch_off", "temperature"):
        params = {"run": run["request"], "kind": kind}
        assert_fits("discovery", explorer.answer("discovery", params))
    offline = {"run": run["request"], "state": "#view=heads"}
    assert_fits("offline", offline_answer(explorer, offline))
    assert {*params_by_name, "run", "offline", "sweep"} == set(QUESTIONS)


def test_effects_on_one_word(explorer):
    params = {"run": {"text": TEXT}, **HEAD, "query": 1, "position": 0}
    assert_fits("effects", explorer.answer("effects", params))


@pytest.fixture(scope="module")
def recordings():
    torch = pytest.importorskip("torch")
    import clearhead
    from clearhead.explorer.recordings.explorer import RecordingExplorer
    from clearhead.maps import AttentionMap

    model = torch.nn.Transformer(16, 2, 2, 1, 32, batch_first=True).eval()
    with clearhead.record(model) as recording, torch.no_grad():
        model(torch.randn(2, 6, 16), torch.randn(2, 4, 16))
    query, key = torch.randn(1, 4, 60, 8), torch.randn(1, 2, 60, 8)
    return [
        RecordingExplorer(recording, tokens=list("abcd")),
        RecordingExplorer(AttentionMap.of(query, key, causal=True)),
    ]


def test_answers_about_a_sweep():
    explorer = SweepExplorer(sweep_answer(MEMBERS))
    for name in ("model", "sweep"):
        assert_fits(name, explorer.answer(name))
    paths = {"module": "", "part": "output", "head": None, "freeze": ["*.mlp"]}
    assert_fits("sweep", Answer(sweep_answer({**MEMBERS, "to": paths, "target": None})))


def test_answers_about_recordings(recordings):
    for explorer in recordings:
        assert_fits("model", explorer.answer("model"))
        for row in range(explorer.rows):
            answer = explorer.answer("run", {"sentence": row})
            assert_fits("run", answer)
            run = answer.json["request"]
            for step in answer.json["steps"]:
                params = {"run": run, "items": [{"path": step["path"]}]}
                assert_fits("array", explorer.answer("array", params))
            for part in {entry["part"] for entry in answer.json["attention"]}:
                assert_fits("overview", explorer.answer("overview", {"run": run, "part": part}))
        assert_fits("offline", offline_answer(explorer, {"run": run}))


def test_a_key_that_no_type_knows_is_found(explorer):
    answer = explorer.answer("model").json
    with pytest.raises(ValidationError, match="more"):
        assert_fits("model", Answer({**answer, "more": 1}))
    with pytest.raises(ValidationError, match="parts"):
        assert_fits("model", Answer({name: answer[name] for name in answer if name != "parts"}))


def test_numbers_that_are_not_finite_are_null_where_the_type_lets_them():
    beam = {"beam_size": 1, "fast": "", "finished": [], "steps": [
        {"prefixes": [{"pieces": [], "log_probability": -np.inf, "continuations": []}]}
    ]}  # fmt: skip
    plain = json.loads(to_json(beam))
    assert plain["steps"][0]["prefixes"][0]["log_probability"] is None
    adapter("beam").validate_python(plain, strict=True, extra="forbid")
