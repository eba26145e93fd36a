"""Weight, contribution and effect of a link against computing each by itself."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError
from clearhead.explorer.contract.edits import SetWeight, changes_of
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.contract.reading import read_question
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.passes import rows
from clearhead.explorer.passes.edited_engine import Editor
from clearhead.reference.softmax import log_softmax
from clearhead.translation.checkpoint import read_checkpoint
from tests.translation.conftest import write_checkpoint

TEXT = "Where is the old house?"
PARTS = ["encoder", "decoder", "cross"]
EDITS = [
    [],
    [
        {"kind": "set_weight", "part": "cross", "layer": 1, "head": 1, "query": 3, "key": 0,
         "value": 0.75, "renormalise": True},
        {"kind": "attention_temperature", "part": "encoder", "layer": 0, "head": 0, "value": 2.0},
    ],
]  # fmt: skip


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A model whose heads share keys and values, and whose norms stand after."""
    folder = tmp_path_factory.mktemp("explored") / "grouped"
    changes = {"num_kv_heads": 2, "norm_place": "after", "positions": "relative"}
    return Explorer(read_checkpoint(write_checkpoint(folder, seed=3, **changes)))


def effects(explorer, part, layer=1, head=1, query=3, edits=(), **params):
    run = explorer.answer("run", {"text": TEXT, "beam_size": 1, "edits": list(edits)}).json
    question = {"run": run["request"], "part": part, "layer": layer, "head": head, "query": query}
    answer = explorer.answer("effects", question | params).json
    return explorer.run(read_question(RunQuestion, run["request"])), answer


def ablated(run, part, layer, head, query, key):
    """Log-probabilities of the run's target with one weight set to 0 by an edit of its own."""
    edit = SetWeight(part=part, layer=layer, head=head, query=query, key=key, value=0.0)
    editor = Editor(changes_of([*run.request.edits, edit], run.config))
    source, target = np.array([run.source]), np.array([run.target])
    log_probabilities = log_softmax(run.reference.forward(source, target, trace=editor)[0])
    return log_probabilities[np.arange(len(run.predicted)), list(run.predicted)]


@pytest.mark.parametrize("name", ["explorer", "other"])
@pytest.mark.parametrize("edits", EDITS, ids=["plain", "edited"])
@pytest.mark.parametrize("part", PARTS)
def test_an_effect_is_the_change_when_that_weight_alone_is_zero(request, name, part, edits):
    run, answer = effects(request.getfixturevalue(name), part, edits=edits)
    for key, effect in zip(answer["keys"], answer["effect"], strict=True):
        change = ablated(run, part, 1, 1, 3, key) - run.log_probabilities
        assert effect == pytest.approx(change.sum(), abs=1e-9)
    assert max(map(abs, answer["effect"])) > 1e-6
    assert answer["effect_on"] == {"position": None, "text": run.translation}


@pytest.mark.parametrize("part", PARTS)
def test_an_effect_may_be_on_one_token(explorer, part):
    run, answer = effects(explorer, part, layer=0, query=2, position=3)
    for key, effect in zip(answer["keys"], answer["effect"], strict=True):
        change = ablated(run, part, 0, 1, 2, key) - run.log_probabilities
        assert effect == pytest.approx(change[3], abs=1e-9)
    piece = run.models.token(run.predicted[3])["piece"]
    assert answer["effect_on"] == {"position": 3, "text": piece}


def test_a_later_query_has_no_effect_on_an_earlier_token(explorer):
    _, answer = effects(explorer, "decoder", query=3, position=2)
    np.testing.assert_allclose(answer["effect"], 0, atol=1e-12)


@pytest.mark.parametrize("name", ["explorer", "other"])
@pytest.mark.parametrize("part", PARTS)
def test_a_contribution_is_the_size_of_what_a_key_adds(request, name, part):
    run, answer = effects(request.getfixturevalue(name), part)
    path = {"encoder": "encoder.layers.1.self_attention",
            "decoder": "decoder.layers.1.self_attention",
            "cross": "decoder.layers.1.cross_attention"}[part]  # fmt: skip
    heads, width = run.config.num_heads, run.config.head_dim
    value = run.trace[f"{path}.value"].value[0].repeat(heads // run.config.key_value_heads, axis=0)
    output = run.reference.weights[f"{path}.output.weight"]
    for key, weight, contribution in zip(
        answer["keys"], answer["weight"], answer["contribution"], strict=True
    ):
        concatenated = np.zeros(run.config.d_model)
        concatenated[width : 2 * width] = weight * value[1, key]
        assert contribution == pytest.approx(np.linalg.norm(output @ concatenated), rel=1e-9)


@pytest.mark.parametrize("part", PARTS)
def test_keys_come_by_falling_weight_as_many_as_asked_for(explorer, part):
    run, answer = effects(explorer, part, most=3)
    path = f"{'encoder' if part == 'encoder' else 'decoder'}.layers.1."
    path += f"{'cross' if part == 'cross' else 'self'}_attention.weights"
    row = run.trace[path].value[0, 1, 3]
    assert answer["of"] == (4 if part == "decoder" else len(run.source))
    assert answer["keys"] == np.argsort(-row, kind="stable")[:3].tolist()
    assert answer["weight"] == row[answer["keys"]].tolist()


def test_an_ablated_head_carries_nothing_and_has_no_effect(explorer):
    edit = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 1}
    _, answer = effects(explorer, "cross", edits=[edit])
    assert max(answer["weight"]) > 0
    assert set(answer["contribution"]) == {0.0}
    np.testing.assert_allclose(answer["effect"], 0, atol=1e-12)


def test_rows_that_do_not_fit_at_once_are_computed_some_at_a_time(explorer, monkeypatch):
    _, whole = effects(explorer, "cross")
    monkeypatch.setattr(rows, "MOST_NUMBERS", 1)
    _, parts = effects(explorer, "cross")
    np.testing.assert_allclose(parts["effect"], whole["effect"], atol=1e-12)


@pytest.mark.parametrize(
    ("params", "kind", "words"),
    [
        ({"query": 60}, ShapeError, r"The cross attention has \d+ queries here.*it is 60\."),
        ({"position": 60}, ShapeError, r"The translation has \d+ predicted tokens here.*is 60\."),
        ({"head": 4}, ConfigError, r"Each layer has 4 heads, so head must be between 0 and 3"),
        ({"layer": 2}, ConfigError, r"The cross attention has 2 layers, so layer must be"),
        ({"part": "self"}, ConfigError, r"part must be one of encoder, decoder, cross"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(explorer, params, kind, words):
    with pytest.raises(kind, match=words):
        effects(explorer, **({"part": "cross"} | params))
