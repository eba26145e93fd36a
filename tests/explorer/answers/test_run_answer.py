"""The answer to `run` says what the reference computes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clearhead.explorer.answers.run_answer import finite
from tests.explorer.answers.asking import (
    ABLATE,
    SET,
    TEXT,
    ask,
    expected_log_probabilities,
    ids,
    run_of,
)


def test_tokens_are_those_that_the_model_reads_and_writes(checkpoint, explorer):
    answer = ask(explorer)
    assert ids(answer["source"]) == [*checkpoint.tokenizer.encode(TEXT), 2]
    assert answer["source"][-1] == {"id": 2, "piece": "</s>", "special": True}
    assert answer["decoder_input"][0] == {"id": 1, "piece": "<s>", "special": True}
    assert ids(answer["predicted"]) == [*ids(answer["decoder_input"])[1:], 2]
    assert not any(token["special"] for token in answer["source"][:-1])


def test_log_probabilities_and_next_words_are_the_references(checkpoint, explorer):
    answer = ask(explorer)
    expected = expected_log_probabilities(checkpoint, answer)
    predicted = ids(answer["predicted"])
    of_predicted = expected[np.arange(len(predicted)), predicted]
    np.testing.assert_allclose(answer["log_probabilities"], of_predicted, rtol=1e-12)
    assert answer["log_probability"] == pytest.approx(of_predicted.sum(), rel=1e-12)
    assert len(answer["next"]) == len(predicted)
    for row, next_tokens, token in zip(np.exp(expected), answer["next"], predicted, strict=True):
        order = np.argsort(-row, kind="stable")
        assert [entry["token"]["id"] for entry in next_tokens["likeliest"]] == order[:10].tolist()
        likeliest = [entry["probability"] for entry in next_tokens["likeliest"]]
        np.testing.assert_allclose(likeliest, row[order[:10]], rtol=1e-9)
        assert next_tokens["taken"]["token"]["id"] == token
        assert next_tokens["taken"]["rank"] == order.tolist().index(token) + 1
        assert next_tokens["taken"]["probability"] == pytest.approx(row[token], rel=1e-9)


def test_every_step_is_listed_in_order_with_contributions_after_weights(explorer):
    answer = ask(explorer)
    trace = run_of(explorer, answer).trace
    listed = [step["path"] for step in answer["steps"]]
    assert [path for path in listed if not path.endswith(".contributions")] == trace.paths
    source_len, target_len = len(answer["source"]), len(answer["decoder_input"])
    for place, path in enumerate(listed):
        if path.endswith(".contributions"):
            assert listed[place - 1] == path.replace("contributions", "weights")
    cross = next(
        step for step in answer["steps"]
        if step["path"] == "decoder.layers.1.cross_attention.contributions"
    )  # fmt: skip
    assert cross["shape"] == [1, 4, target_len, source_len, 8]
    assert cross["axes"] == ["batch", "heads", "query_len", "key_len", "value_dim"]
    for step in answer["steps"]:
        assert step["replaced"] is False
        assert step["derivations"], f"{step['path']} says where its numbers come from"


def test_attention_is_listed_by_part_and_layer(explorer):
    answer = ask(explorer)
    attention = {(entry["part"], entry["layer"]): entry for entry in answer["attention"]}
    assert list(attention) == [(part, layer) for part in ("encoder", "decoder", "cross")
                           for layer in (0, 1)]  # fmt: skip
    cross = attention["cross", 1]
    assert cross["path"] == "decoder.layers.1.cross_attention"
    assert (cross["queries"], cross["keys"]) == (len(answer["predicted"]), len(answer["source"]))
    shapes = {step["path"]: step["shape"] for step in answer["steps"]}
    for entry in answer["attention"]:
        assert shapes[f"{entry['path']}.weights"] == [
            1, entry["heads"], entry["queries"], entry["keys"],
        ]  # fmt: skip


def test_only_changed_steps_say_replaced_and_which_elements(explorer):
    answer = ask(explorer, edits=[ABLATE, SET])
    replaced_at = {
        step["path"]: step["replaced_at"] for step in answer["steps"] if step["replaced"]
    }
    assert replaced_at == {
        "decoder.layers.1.cross_attention.output": [{"edit": 0, "index": [None, 2, None, None]}],
        "decoder.layers.0.cross_attention.weights": [{"edit": 1, "index": [None, 1, 1, None]}],
    }


def test_an_edit_whose_query_is_never_reached_is_said(explorer, monkeypatch):
    from clearhead.explorer.answers import run as run_module

    monkeypatch.setattr(run_module, "check_queries", lambda edits, lengths: [0])
    answer = ask(explorer, edits=[{**SET, "value": 0.125}])
    assert answer["notes"] == [{"kind": "unreached", "edit": 0}]
    assert not any(step["replaced"] for step in answer["steps"])


def test_where_translating_protects_something_the_walk_says_so(explorer):
    plain = ask(explorer)
    protected = ask(explorer, text="The old man {name} walks.")
    translator = explorer.models.translator
    assert plain["notes"] == []
    (note,) = protected["notes"]
    assert note["kind"] == "protected"
    assert note["translation"] == translator.translate("The old man {name} walks.").text
    assert "{name}" in note["translation"] != protected["translation"]


def test_an_answer_is_json_without_infinities(explorer):
    answer = ask(explorer, edits=[ABLATE, {"kind": "mask_token", "position": 0}])
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_number_that_is_not_finite_is_null(value):
    assert finite(value) is None
    number = finite(np.float32(0.5))
    assert number == 0.5
    assert type(number) is float
