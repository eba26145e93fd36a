"""A discovery is what a run with its edits gives, and no other of its candidates changes more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.discoveries.discovery import MOST_WRITTEN, differing
from clearhead.explorer.discoveries.trials import hide_each_word, silence_each_head

TEXT = "Where is the old house?"
IDS = st.lists(st.integers(0, 3), max_size=6)


@given(IDS, IDS)
def test_differing_is_a_distance(one, other):
    distance = differing(one, other)
    assert distance == differing(other, one)
    assert (distance == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))


def test_differing_by_hand():
    assert differing([1, 2, 3], [1, 3]) == 1
    assert differing([1, 2, 3], [4, 2, 5, 6]) == 3


@pytest.mark.parametrize("kind", ["hide_word", "switch_off"])
@pytest.mark.parametrize("name", ["explorer", "gpt2", "bert"])
def test_a_discovery_is_a_run_with_its_edits(request, name, kind):
    each = request.getfixturevalue(name)
    text = {"bert": "The [MASK] cat sleeps.", "gpt2": "Once upon a time"}.get(name, TEXT)
    plain = {"text": text, "beam_size": 1, "new_tokens": 3}
    run = each.answer("run", plain).json
    found = each.answer("discovery", {"run": run["request"], "kind": kind}).json
    assert found["before"] == run["translation"].strip()
    again = each.answer("run", {**plain, "edits": found["edits"]}).json
    assert found["after"] == again["translation"].strip()
    assert 0 < found["trials"] <= found["of"]
    if kind == "hide_word":
        word = found["word"]
        assert [edit["position"] for edit in found["edits"]] == [
            *range(word["start"], word["stop"])
        ]
    else:
        assert [{k: edit[k] for k in ("part", "layer", "head")} for edit in found["edits"]] == (
            found["heads"]
        )


def test_of_the_costliest_words_the_one_that_changes_most_is_hidden(explorer):
    run = explorer.run(RunQuestion(text=TEXT, beam_size=1))
    found = explorer.answer("discovery", {"run": run.request.to_dict(), "kind": "hide_word"}).json
    hidden = hide_each_word(run)
    order = np.argsort(-hidden.drops, kind="stable")[:MOST_WRITTEN]
    differences = []
    for number in order:
        start = hidden.words[number]["start"]
        edits = ({"kind": "mask_token", "position": start},)
        other = explorer.run(RunQuestion(text=TEXT, beam_size=1, edits=edits))
        differences.append(differing(run.passage.target_ids, other.passage.target_ids))
    best = hidden.words[order[int(np.argmax(differences))]]
    assert found["word"] == best


def test_heads_that_are_not_missed_alone_are_switched_off_together(explorer, monkeypatch):
    from clearhead.explorer.discoveries import discovery

    run = explorer.run(RunQuestion(text=TEXT, target="le vieil"))
    single = discovery.Outcome((), "le vieil", 0)
    monkeypatch.setattr(discovery, "_best", lambda run, ways: single)
    sizes = []

    def write(run, edits):
        sizes.append(len(edits))
        return discovery.Outcome(edits, "other" if len(edits) >= 4 else "le vieil", len(edits) // 4)

    monkeypatch.setattr(discovery, "_write", write)
    found = discovery.discovery_answer(run, "switch_off", hide_each_word_of(run))
    assert sizes == [2, 3, 4]
    silent = silence_each_head(run)
    order = np.argsort(-silent.drops, kind="stable")[:4]
    assert [(one["part"], one["layer"], one["head"]) for one in found["heads"]] == [
        (silent.heads[at].part, silent.heads[at].layer, silent.heads[at].head) for at in order
    ]
    assert found["after"] == "other"


def hide_each_word_of(run):
    return lambda request: hide_each_word(run)


def test_edits_and_another_text_of_the_run_do_not_count(explorer):
    plain = {"text": TEXT, "beam_size": 1}
    edited = {**plain, "target": "le vieil", "edits": [{"kind": "mask_token", "position": 0}]}
    answers = [
        explorer.answer("discovery", {"run": run, "kind": "temperature"}).json
        for run in (plain, edited)
    ]
    assert answers[0] == answers[1]
    draws, number = answers[0]["draws"], answers[0]["draw"]
    assert answers[0]["after"] == draws[number]["text"]
    assert answers[0]["edits"] == [
        {"kind": "output_temperature", "value": draws[number]["temperature"]}
    ]


def test_what_cannot_be_tried_is_refused_in_words(vectors, bert):
    with pytest.raises(ConfigError, match=r"predicts no words.*Ask for its alignment"):
        vectors.answer("discovery", {"run": {"text": "The cat"}, "kind": "hide_word"})
    with pytest.raises(ConfigError, match=r"hides no word.*Hide one"):
        bert.answer("discovery", {"run": {"text": "The cat"}, "kind": "temperature"})
    with pytest.raises(ConfigError, match="kind"):
        bert.answer("discovery", {"run": {"text": "The cat"}, "kind": "hide"})


def test_a_discovery_is_made_once(explorer, monkeypatch):
    from clearhead.explorer.discoveries import discovery

    question = {"run": {"text": "The house is old.", "beam_size": 1}, "kind": "hide_word"}
    first = explorer.answer("discovery", question).json
    monkeypatch.setattr(discovery, "_write", None)  # whoever wrote anew would fail
    assert explorer.answer("discovery", question).json == first
    with pytest.raises(TypeError):
        explorer.answer("discovery", {**question, "kind": "switch_off"})
