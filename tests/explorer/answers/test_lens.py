"""The answer ``lens``: what each layer would say, and a logit as a sum, with edits and without."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config_parts import OutputConfig
from clearhead.errors import ConfigError, ShapeError
from clearhead.explorer.answers.lens import lens_answer
from clearhead.explorer.contract.questions import LensQuestion, RunQuestion
from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import bundled_models, read_checkpoint

pytestmark = pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
TEXT = "The black cat sleeps."
ABLATION = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}


@pytest.fixture(scope="module")
def explorer():
    return Explorer(read_checkpoint("en-fr"))


def ask(explorer, **params):
    return explorer.answer("lens", {"run": {"text": TEXT}, "position": 2, **params}).json


def test_the_last_layer_says_what_the_model_says(explorer):
    run = explorer.run(RunQuestion(text=TEXT))
    answer = ask(explorer)
    last = answer["layers"][-1]
    probabilities = run.trace["probabilities"].value[0, 2]
    assert last["likeliest"][0]["token"]["id"] == probabilities.argmax()
    assert last["probability"] == pytest.approx(probabilities.max(), rel=1e-9)
    assert last["rank"] == 1
    layers = explorer.models.config.decoder_layers
    assert [one["layers"] for one in answer["layers"]] == list(range(layers + 1))


def test_the_sum_is_the_logit(explorer):
    run = explorer.run(RunQuestion(text=TEXT))
    answer = ask(explorer, token=17, most=5)
    assert answer["token"]["id"] == 17
    total = answer["sum"]
    assert total["logit"] == pytest.approx(run.trace["logits"].value[0, 2, 17], rel=1e-9)
    values = [one["value"] for one in total["summands"]]
    assert len(values) == 5
    assert sum(values) + total["others_sum"] == pytest.approx(total["logit"], abs=1e-9)
    assert total["error"] < 1e-9
    sizes = [abs(value) for value in values]
    assert sizes == sorted(sizes, reverse=True)


def test_an_ablated_head_adds_nothing(explorer):
    edited = {"text": TEXT, "edits": [ABLATION], "target": "Le chat noir dort."}
    answer = explorer.answer("lens", {"run": edited, "position": 2, "most": 64}).json
    (head,) = (
        one
        for one in answer["sum"]["summands"]
        if (one["path"], one["head"]) == ("decoder.layers.1.cross_attention", 2)
    )
    assert head["value"] == 0
    before = explorer.answer("lens", {"run": {**edited, "edits": []}, "position": 2}).json
    assert not np.isclose(before["sum"]["logit"], answer["sum"]["logit"])


@pytest.mark.parametrize("name", ["position", "token"])
def test_what_is_not_there_is_refused(explorer, name):
    number = {"position": 99, "token": explorer.models.config.vocab_size}[name]
    with pytest.raises(ShapeError, match=r"lens: .* must be between 0 and"):
        ask(explorer, **{name: number})


def test_a_logit_behind_an_activation_is_no_sum(explorer):
    run = explorer.run(RunQuestion(text=TEXT))

    class Transformed:
        """The run of a model with such a layer; it is asked for no sum."""

        def __init__(self):
            self.config = run.config.replace(output=OutputConfig(transform="gelu").__dict__)

        def __getattr__(self, name):
            return getattr(run, name)

    question = LensQuestion(run=RunQuestion(text=TEXT), position=2)
    assert lens_answer(Transformed(), question)["sum"] is None


def test_a_model_without_words_is_refused(explorer):
    run = explorer.run(RunQuestion(text=TEXT))

    class Models:
        predicts_words = False

    class Wordless:
        models = Models()

        def __getattr__(self, name):
            return getattr(run, name)

    with pytest.raises(ConfigError, match="predicts no words"):
        lens_answer(Wordless(), LensQuestion(run=RunQuestion(text=TEXT), position=0))
