"""A text gets one of some labels, and everything that is asked about it speaks of the label."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.explorer.derivations.snippet import applicable, operand_values
from clearhead.explorer.offline.answers import LEVELS, PageAnswers
from clearhead.reference.softmax import log_softmax
from clearhead.reference.transformer import Transformer

TEXT = "The old man walks slowly to the river."
LABELS = ("no", "so so", "yes")
HOT = {"kind": "output_temperature", "value": 3.0}


def ask(explorer, **params):
    return explorer.answer("run", {"text": TEXT, **params}).json


def exact(explorer, answer):
    """The log-probability of each label, by the reference."""
    model = Transformer(explorer.models.config, explorer.models.weights)
    ids = np.array([[token["id"] for token in answer["source"]]])
    encoded = model.encode(ids, mask=np.ones(ids.shape, bool)).output
    return log_softmax(model.logits(encoded)[0, 0])


def test_the_label_and_the_probabilities_of_all_are_the_result(classifier):
    model = classifier.answer("model").json
    assert model["labels"] == list(LABELS)
    assert model["abilities"] == ["edit", "effects", "derivations"]
    answer = ask(classifier)
    expected = exact(classifier, answer)
    assert [one["label"] for one in answer["labels"]] == list(LABELS)
    found = [one["log_probability"] for one in answer["labels"]]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert sum(one["probability"] for one in answer["labels"]) == pytest.approx(1)
    assert answer["translation"] == LABELS[int(expected.argmax())]
    assert answer["log_probability"] == pytest.approx(expected.max(), rel=1e-9)
    assert (answer["predicted"], answer["next"]) == ([], [])
    assert answer["check"]["of"] == "log-probability"
    assert 0 < answer["check"]["largest"] < 1e-4


def test_a_probability_says_where_it_comes_from(classifier):
    answer = ask(classifier)
    steps = {step["path"]: step for step in answer["steps"]}
    assert steps["logits"]["shape"] == steps["probabilities"]["shape"] == [1, 1, 3]

    def fetch(path, where):
        window = [[0, steps[path]["shape"][axis]] if entry == slice(None) else [entry, entry + 1]
                  for axis, entry in enumerate(where)] if path in steps else None  # fmt: skip
        item = {"path": path, "window": window}
        array = classifier.answer("array", {"run": answer["request"], "items": [item]}).arrays["0"]
        if window is None:
            return array[where]
        return array.squeeze(tuple(a for a, entry in enumerate(where) if entry != slice(None)))

    for path in ("probabilities", "logits"):
        for label in range(3):
            derivation = applicable(steps[path]["derivations"], [0, 0, label])
            operands = operand_values(derivation, [0, 0, label], fetch)
            value = eval(derivation["expression"], {"np": np, **operands})
            assert value == pytest.approx(float(fetch(path, (0, 0, label))), rel=1e-9)
    assert float(fetch("probabilities", (0, 0, 2))) == pytest.approx(
        answer["labels"][2]["probability"], rel=1e-9
    )


def test_edits_are_compared_by_the_label(classifier):
    plain, hot = ask(classifier), ask(classifier, edits=[HOT])
    assert hot["baseline"]["labels"] == plain["labels"]
    assert hot["baseline"]["translation"] == plain["translation"]
    expected = log_softmax(exact(classifier, plain) / 3)
    np.testing.assert_allclose([one["log_probability"] for one in hot["labels"]], expected, 1e-6)
    before = LABELS.index(plain["translation"])
    push = {"kind": "steer", "layer": 1, "value": 30.0}
    changed = ask(classifier, edits=[{**push, "token": (before + 1) % 3}])
    assert changed["translation"] == LABELS[(before + 1) % 3]
    with pytest.raises(ConfigError, match="steer needs the number of a label between 0 and 2; it"):
        ask(classifier, edits=[{**push, "token": 3}])
    assert changed["baseline"]["target_log_probability"] == pytest.approx(
        changed["labels"][before]["log_probability"], rel=1e-9
    )


def test_a_long_text_has_its_label_too(classifier, monkeypatch):
    whole = ask(classifier)
    monkeypatch.setattr(classifier.models, "most_bytes", 1)
    text = TEXT.replace(".", "!")  # another run than the one that is remembered
    answer = ask(classifier, text=text)
    np.testing.assert_allclose(
        [one["log_probability"] for one in answer["labels"]], exact(classifier, answer), rtol=1e-9
    )
    shapes = [{step["path"]: step["shape"] for step in one["steps"]}["logits"]
              for one in (whole, answer)]  # fmt: skip
    assert shapes[0] == shapes[1] == [1, 1, 3]


def test_the_opening_speaks_of_the_label(classifier):
    answer = ask(classifier)
    alignment = classifier.answer("alignment", {"run": answer["request"]}).json
    assert alignment["measure"] == "agreement"
    assert alignment["queries"] == [{"text": answer["translation"], "start": 0, "stop": 1}]
    assert alignment["keys"][0]["text"] == "The"
    for kind in ("hide_word", "switch_off"):
        found = classifier.answer("discovery", {"run": answer["request"], "kind": kind}).json
        edited = ask(classifier, edits=found["edits"])
        assert found["before"] == answer["translation"]
        assert found["after"] == edited["translation"]
        assert found["labels_before"] == answer["labels"]
        for one, other in zip(found["labels_after"], edited["labels"], strict=True):
            assert one["probability"] == pytest.approx(other["probability"], rel=1e-3)
    chance = classifier.answer("discovery", {"run": answer["request"], "kind": "temperature"}).json
    assert {draw["text"] for draw in chance["draws"]} <= set(LABELS)
    assert chance["draws"][0]["probability"] > chance["draws"][-1]["probability"]


def test_links_have_an_effect_on_the_label(classifier):
    answer = ask(classifier)
    params = {"run": answer["request"], "part": "encoder", "layer": 1, "head": 0, "query": 0}
    effects = classifier.answer("effects", {**params, "position": 0}).json
    assert effects["effect_on"] == {"position": 0, "text": answer["translation"]}
    key, effect = effects["keys"][0], effects["effect"][0]
    place = {name: params[name] for name in ("part", "layer", "head", "query")}
    edit = {"kind": "set_weight", **place, "key": key, "value": 0.0, "renormalise": False}
    edited = ask(classifier, edits=[edit])
    change = edited["baseline"]["target_log_probability"] - answer["log_probability"]
    assert effect == pytest.approx(change, abs=1e-9)


def test_a_saved_page_has_the_labels_and_what_they_follow_from(classifier):
    answers = PageAnswers(classifier, {"text": TEXT}, "", effect_seconds=0)
    page, _ = answers.pack(LEVELS[0])
    assert page["run"]["labels"] == ask(classifier)["labels"]
    assert [one["kind"] for one in page["discoveries"]] == [
        "hide_word", "switch_off", "temperature",
    ]  # fmt: skip
    entries = {entry["path"]: entry for entry in page["arrays"]}
    assert entries["weights/output.weight"]["shape"] == [3, 32]
    for path in ("logits", "probabilities"):
        assert entries[path]["shape"] == [1, 1, 3]
        assert "kept" not in entries[path]


def test_a_target_is_refused(classifier):
    for target in ({"target": "yes"}, {"target_ids": [1]}):
        with pytest.raises(ConfigError, match="a classifier writes no text"):
            ask(classifier, **target)
