"""What all kinds of models have: their passes and their tokens."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from clearhead.explorer.explorer import Explorer
from clearhead.explorer.passes.bounded_trace import BoundedTrace
from clearhead.reference.tracing.trace import OFF

TEXT = "The cat sleeps on the mat."
EDIT = {"kind": "mask_token", "position": 1}


def head(explorer):
    return {"part": explorer.answer("model").json["parts"][0]["part"], "layer": 1, "head": 2}


@pytest.mark.parametrize("kind", ["explorer", "gpt2", "bert", "vectors"])
def test_a_long_text_is_answered_as_a_short_one(kind, request, monkeypatch):
    """Whether all numbers are held or computed when looked at makes no difference."""
    short = request.getfixturevalue(kind)
    long = Explorer(short.models, name="long")
    edits = [EDIT, {"kind": "ablate_head", **head(short)}]
    whole = short.answer("run", {"text": TEXT, "edits": edits}).json
    monkeypatch.setattr(type(short.models), "most_bytes", 0)
    answer = long.answer("run", {"text": TEXT, "edits": edits}).json
    run = long.run(long.models.begin(_question(answer)).request)
    assert isinstance(run.trace, BoundedTrace)
    for name in ("steps", "attention", "next", "predicted", "notes", "request"):
        assert answer[name] == whole[name], name
    if kind != "vectors":
        assert answer["log_probability"] == pytest.approx(whole["log_probability"], rel=1e-9)
    part = whole["attention"][0]["part"]
    names = ("overview",) if kind == "vectors" else ("overview", "effects")
    for name in names:
        params = {"run": whole["request"], "part": part}
        params |= {"layer": 1, "head": 1, "query": 2} if name == "effects" else {}
        one, other = short.answer(name, params), long.answer(name, params)
        for array in one.arrays:
            np.testing.assert_allclose(one.arrays[array], other.arrays[array], rtol=1e-6)
        if name == "effects":
            np.testing.assert_allclose(one.json["effect"], other.json["effect"], atol=1e-9)
    items = [{"path": step["path"]} for step in whole["steps"]]
    for start in range(0, len(items), 60):
        params = {"run": whole["request"], "items": items[start : start + 60]}
        one, other = short.answer("array", params), long.answer("array", params)
        for place, array in one.arrays.items():
            np.testing.assert_allclose(array, other.arrays[place], rtol=1e-9, atol=1e-12)


def _question(answer):
    from clearhead.explorer.contract.questions import RunQuestion

    return RunQuestion.model_validate(answer["request"])


@pytest.mark.parametrize("kind", ["explorer", "gpt2", "bert"])
def test_the_last_vectors_are_what_the_logits_are_made_of(kind, request):
    explorer = request.getfixturevalue(kind)
    answer = explorer.answer("run", {"text": TEXT}).json
    run = explorer.run(_question(answer))
    hidden = explorer.models.hidden(run.passage, OFF)
    logits = explorer.models.reference.logits(hidden)
    np.testing.assert_allclose(logits, run.trace["logits"].value, rtol=1e-12)


def test_a_token_has_a_piece_even_where_it_has_no_name(gpt2):
    size = gpt2.models.tokenizer.vocab_size
    assert gpt2.models.token(size) == {"id": size, "piece": f"<{size}>", "special": False}
    assert gpt2.models.decode([263, size]) == gpt2.models.decode([263])


def test_a_text_is_no_longer_than_its_attention_fits_into_memory(gpt2):
    config = dataclasses.replace(gpt2.models.config, max_length=10**6, num_heads=32)
    own = gpt2.models
    model = type(own)(config, own.weights, own.tokenizer, (own.fast, own.reference))
    assert model.longest == 1024
    assert 4 * 8 * config.num_heads * model.longest**2 <= 2**30
    assert own.longest == own.config.max_length == 48
