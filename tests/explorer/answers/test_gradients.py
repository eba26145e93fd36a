"""The answer ``gradients``: those of the reference, and a program for each number of them."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.derivations.snippet import applicable, operand_values, snippet
from clearhead.explorer.explorer import Explorer
from clearhead.reference import gradients
from clearhead.translation.checkpoint import Checkpoint
from tests.explorer.word_tables import labels
from tests.reference.models import random_weights

TEXT = "the old house"
ABLATION = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}


def one_sided(checkpoint, lacking):
    """A random model that continues a text, or one that predicts each of its words."""
    config = checkpoint.config.replace(**{f"{lacking}_layers": 0})
    return Explorer(Checkpoint(config, random_weights(config, 3), checkpoint.tokenizer))


class Asked:
    """A run and its backward pass, as a page has them."""

    def __init__(self, explorer, position=None, **more):
        self.explorer, self.position = explorer, position
        self.run = explorer.answer("run", {"text": TEXT, **more}).json
        self.request = self.run["request"]
        params = {"run": self.request, "position": position}
        self.answer = explorer.answer("gradients", params).json

    def array(self, path, window=None):
        items = [{"path": path, "window": window}]
        params = {"run": self.request, "items": items, "loss_position": self.position}
        return self.explorer.answer("array", params).arrays["0"]

    def fetch(self, path, where):
        whole = self.array(path) if path.startswith("weights/") else None
        shape = whole.shape if whole is not None else self.shapes[path]
        window = [
            [0, size] if entry == slice(None) else [entry, entry + 1]
            for entry, size in zip(where, shape, strict=True)
        ]
        single = tuple(axis for axis, entry in enumerate(where) if entry != slice(None))
        return self.array(path, window).squeeze(single)

    @property
    def shapes(self):
        return {step["path"]: step["shape"] for step in (*self.run["steps"], *self.answer["steps"])}

    def expected(self):
        """The same from the reference alone, without a trace."""
        run = self.explorer.run(RunQuestion.model_validate(self.request))
        predicted = np.array([run.predicted])
        counts = np.zeros(predicted.shape, bool)
        counts[0, self.answer["positions"]] = True
        return gradients(
            run.config,
            run.reference.weights,
            np.array([run.source]) if run.source else None,
            np.array([run.target]) if run.target else None,
            labels=predicted,
            label_mask=counts,
            mask=None if run.target else np.ones(predicted.shape, bool),
        )


@pytest.mark.parametrize("position", [None, 1])
def test_loss_and_gradients_of_weights_are_those_of_the_reference(explorer, position):
    asked = Asked(explorer, position)
    expected = asked.expected()
    assert asked.answer["loss"] == expected.loss
    assert np.isclose(asked.array("loss"), expected.loss, rtol=1e-12)
    run = asked.run
    chosen = asked.answer["positions"]
    assert chosen == ([1] if position else list(range(len(run["predicted"]))))
    mean = -np.mean([run["log_probabilities"][one] for one in chosen])
    assert np.isclose(asked.answer["loss"], mean, rtol=1e-9)
    paths = {step["path"] for step in asked.answer["steps"]}
    for name, gradient in expected.weights.items():
        scope, _, last = name.rpartition(".")
        path = f"{scope}.d_{last}"
        if path in asked.answer["omitted"]:
            assert path not in paths
        else:
            np.testing.assert_array_equal(asked.array(path), gradient)
    assert len(paths) > len(expected.weights)


@pytest.mark.parametrize("lacking", [None, "encoder", "decoder"])
def test_the_program_of_each_step_makes_its_number(explorer, checkpoint, lacking):
    asked = Asked(one_sided(checkpoint, lacking) if lacking else explorer)
    rng, texts, programs = np.random.default_rng(0), labels("en"), 0
    for step in asked.answer["steps"]:
        index = tuple(int(rng.integers(size)) for size in step["shape"])
        value = asked.array(step["path"], [[at, at + 1] for at in index]).item()
        derivation = applicable(step["derivations"], index)
        if derivation["expression"] is None:
            assert step["path"] in ("labels", "label_smoothing", "label_weights"), step["path"]
            continue
        operands = operand_values(derivation, index, asked.fetch)
        text = snippet(derivation, value, operands, labels=texts, heading=step["path"])
        with contextlib.redirect_stdout(io.StringIO()):
            exec(text, {})
        programs += 1
    assert programs > 60


def test_the_numbers_of_the_forward_pass_stay_beside_them(explorer, monkeypatch):
    asked = Asked(explorer)
    items = [{"path": "d_logits"}, {"path": "probabilities"}, {"path": "label_distribution"}]
    answer = explorer.answer("array", {"run": asked.request, "items": items})
    d, p, y = answer.arrays["0"], answer.arrays["1"], answer.arrays["2"]
    np.testing.assert_allclose(d, (p - y) / len(asked.answer["positions"]), atol=1e-15)
    monkeypatch.setattr("clearhead.explorer.answers.gradients.go_back", None)  # nobody goes back
    explorer.answer("array", {"run": asked.request, "items": items[1:2], "loss_position": 7})


def test_other_peoples_models_have_gradients(gpt2, bert):
    continued = Asked(gpt2, new_tokens=3)
    assert continued.answer["loss"] == pytest.approx(continued.expected().loss, rel=1e-12)
    assert continued.answer["positions"] == continued.run["scored_positions"]
    filled = Asked(bert)
    assert filled.answer["loss"] == pytest.approx(filled.expected().loss, rel=1e-12)


@pytest.mark.parametrize("edit", [ABLATION, {"kind": "output_temperature", "value": 2.0}])
def test_a_step_that_was_replaced_has_no_derivative(explorer, edit):
    with pytest.raises(ConfigError, match=r"gradients: an edit replaces a step .* Undo the edits"):
        Asked(explorer, edits=[edit])


def test_an_edit_of_what_is_read_is_no_replacement(explorer):
    plain = Asked(explorer, target="un homme")
    swap = {"kind": "swap_token", "position": 0, "token": 300}
    swapped = Asked(explorer, target="un homme", edits=[swap])
    assert swapped.answer["loss"] == swapped.expected().loss != plain.answer["loss"]


def test_what_has_no_gradients_here_is_refused_in_words(checkpoint, explorer, monkeypatch, vectors):
    with pytest.raises(ShapeError, match=r"gradients: position must be between 0 and \d+ here; it"):
        Asked(explorer, position=999)
    with pytest.raises(ConfigError, match="this model is larger or predicts no words"):
        Asked(vectors)
    assert "gradients" not in vectors.answer("model").json["abilities"]
    long = Explorer(checkpoint)
    monkeypatch.setattr(long.models, "most_bytes", 0)
    with pytest.raises(ShapeError, match="too long to hold all numbers of both passes"):
        Asked(long)
    monkeypatch.setattr("clearhead.explorer.passes.backward.MOST_PARAMETERS", 10)
    with pytest.raises(ConfigError, match="models of up to"):
        Asked(explorer)
