"""Every question has its answer; runs are computed once, for any number of threads."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError, ShapeError, TextError, TraceError
from clearhead.explorer import explorer as explorer_module
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.contract.values import Limits
from clearhead.explorer.explorer import Explorer
from clearhead.reference.weights import expected_shapes
from clearhead.translation.checkpoint import Checkpoint, read_checkpoint
from clearhead.translation.translator import Translator
from tests.processor_time import at_most_processor_seconds

TEXT = "Where is the old house?"


def test_what_the_model_is(checkpoint, explorer):
    answer = explorer.answer("model").json
    assert answer["kind"] == "translation"
    assert answer["name"] == "xx-yy"
    assert answer["languages"] == {"source": "xx", "target": "yy"}
    assert TransformerConfig.from_dict(answer["config"]) == checkpoint.config
    shapes = expected_shapes(checkpoint.config).values()
    assert answer["parameters"] == sum(math.prod(shape) for shape in shapes)
    assert answer["parts"] == [
        {"part": part, "layers": 2, "heads": 4} for part in ("encoder", "decoder", "cross")
    ]
    assert answer["abilities"] == [
        "translate", "edit", "beam", "effects", "derivations", "next_words", "lens", "gradients",
    ]  # fmt: skip
    assert answer["special"] == {"pad": 0, "start": 1, "end": 2}
    assert answer["provenance"] == {"seed": 0}
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize(("way", "said"), [("tiles", True), ("rows", True), ("whole", False)])
def test_whether_a_batch_changes_the_last_bits_is_said(explorer, monkeypatch, way, said):
    monkeypatch.setattr(explorer_module, "method", lambda: way)
    assert explorer.answer("model").json["batch_invariant"] is said


def test_a_name_that_is_no_pair_of_languages_says_nothing_of_them(checkpoint):
    answer = Explorer(checkpoint, name="mine").answer("model").json
    assert (answer["name"], answer["languages"]) == ("mine", {"source": None, "target": None})


def test_windows_of_arrays_are_those_of_the_trace(explorer):
    run = explorer.answer("run", {"text": TEXT}).json
    path = "decoder.layers.1.cross_attention.weights"
    items = [{"path": path, "window": [[0, 1], [2, 3], [1, 4], [0, 5]]}, {"path": "logits"}]
    answer = explorer.answer("array", {"run": run["request"], "items": items})
    found = explorer.run(RunQuestion.model_validate(run["request"])).trace
    np.testing.assert_array_equal(answer.arrays["0"], found[path].value[:, 2:3, 1:4, :5])
    np.testing.assert_array_equal(answer.arrays["1"], found["logits"].value)
    assert answer.arrays["1"].dtype == np.float64


def test_more_numbers_than_are_given_at_once_are_refused(checkpoint):
    small = Explorer(checkpoint, limits=Limits(numbers=100))
    with pytest.raises(ShapeError, match="100"):
        small.answer("array", {"run": {"text": TEXT}, "items": [{"path": "logits"}]})


def test_the_overview_has_all_heads_of_a_part(explorer):
    answer = explorer.answer("overview", {"run": {"text": TEXT}, "part": "cross"})
    assert answer.arrays["weights"].shape[:2] == (2, 4)
    assert answer.arrays["entropy"].shape == (2, 4)


def test_the_overview_may_be_asked_for_layer_by_layer(explorer):
    question = {"run": {"text": TEXT}, "part": "cross"}
    whole = explorer.answer("overview", question)
    last = explorer.answer("overview", {**question, "layers": [1, 2]})
    assert last.json == whole.json
    for name in ("weights", "entropy"):
        np.testing.assert_array_equal(last.arrays[name], whole.arrays[name][1:])


def test_a_beam_is_as_wide_as_the_run_unless_told(explorer):
    run = {"text": TEXT, "beam_size": 2}
    assert explorer.answer("beam", {"run": run}).json["beam_size"] == 2
    assert explorer.answer("beam", {"run": run, "beam_size": 3}).json["beam_size"] == 3


@pytest.mark.parametrize(
    ("name", "params", "kind", "words"),
    [
        ("walk", {}, ConfigError, r"no question 'walk'\. The questions are model, run, words, "),
        ("model", {"a": 1}, ConfigError, r"Unknown 'a': model takes none\."),
        ("words", {}, ConfigError, r"words needs query; it is missing\."),
        ("array", {"run": {"text": TEXT}}, ConfigError, r"array needs items; it is missing\."),
        ("array", {"items": [{"path": "logits"}]}, TextError, r"The text is empty"),
        ("array", {"run": {"text": TEXT}, "items": [{"path": "x.y"}]}, TraceError, r"x\.y"),
        ("overview", {"run": {"text": TEXT}, "part": "x"}, ConfigError, r"part must be one of"),
        ("effects", {"run": {"text": ""}, "part": "cross", "layer": 0, "head": 0, "query": 0},
         TextError, r"The text is empty"),
        ("overview", {"run": {"text": TEXT}, "part": "cross", "layers": [1, 3]}, ShapeError,
         r"with 0 <= start < stop <= 2, the part's layers; got \[1, 3\]\."),
        ("run", {}, TextError, r'The text is empty\. Give a sentence, such as "The cat sleeps\."'),
        ("run", {"text": " \n\t "}, TextError, r"The text is empty"),
        ("run", [], ConfigError, r"run takes an object of named values"),
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_refused_in_words(explorer, name, params, kind, words):
    with pytest.raises(kind, match=words):
        explorer.answer(name, params)


@pytest.mark.parametrize(
    ("stack", "kind", "part"),
    [("encoder", "generation", "decoder"), ("decoder", "encoder", "encoder")],
)
def test_a_model_with_one_stack_is_explored_as_what_it_is(checkpoint, stack, kind, part):
    config = checkpoint.config.replace(**{f"{stack}_layers": 0})
    weights = {name: np.zeros(s, np.float32) for name, s in expected_shapes(config).items()}
    answer = Explorer(Checkpoint(config, weights, checkpoint.tokenizer)).answer("model").json
    assert (answer["kind"], answer["parts"]) == (kind, [{"part": part, "layers": 2, "heads": 4}])
    assert answer["abilities"] == [
        "edit", "effects", "derivations", "next_words", "lens", "gradients",
    ]  # fmt: skip


def test_a_run_is_computed_once_and_found_by_its_normalised_request(checkpoint, monkeypatch):
    explorer, walked = Explorer(checkpoint), []
    walk = explorer_module.walk

    def counted(models, request, unedited):
        walked.append(request)
        return walk(models, request, unedited)

    monkeypatch.setattr(explorer_module, "walk", counted)
    given = {"text": f"\n{TEXT}", "beam_size": 1}
    run = explorer.answer("run", given).json
    explorer.answer("run", given)
    explorer.answer("overview", {"run": run["request"], "part": "cross"})
    assert len(walked) == 1
    edits = [{"kind": "mask_token", "position": 0}]
    explorer.answer("run", {**run["request"], "edits": edits})
    assert len(walked) == 2, "the run without edits was there"


def test_memory_is_bounded(checkpoint):
    explorer = Explorer(checkpoint, cache_bytes=4_000_000)
    for house in ("house", "station", "river", "woman", "man", "tea", "cup"):
        explorer.answer("run", {"text": f"Where is the {house}?", "beam_size": 1})
    assert 0 < explorer.runs.nbytes <= 4_000_000
    assert len(explorer.runs) < 7


def test_threads_get_the_answers_that_one_gets(checkpoint, explorer):
    edits = [{"kind": "ablate_head", "part": "cross", "layer": 0, "head": 0}]
    questions = [
        {"text": f"Where is the {word}?", "beam_size": 2, "edits": edits * (number % 2)}
        for number, word in enumerate(("house", "man", "house", "man", "tea", "river"))
    ] * 2
    own = Explorer(checkpoint)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda given: own.answer("run", given).json, questions))
    for given, answer in zip(questions, found, strict=True):
        expected = explorer.answer("run", given).json
        del answer["seconds"], expected["seconds"]
        assert answer == expected


SENTENCE = "The old man walks slowly to the house by the river."


@pytest.fixture(scope="module")
def bundled():
    return Explorer(read_checkpoint("en-fr"))


def test_the_bundled_model_is_walked_edited_and_weighed(bundled):
    # benchmarks/explorer.py measures how long each takes: 0.06 to 0.2 seconds.
    with at_most_processor_seconds(60):
        run = bundled.answer("run", {"text": SENTENCE}).json
        edits = [{"kind": "mask_token", "position": 2}]
        text = "The young woman walks slowly to the old station."
        edited = bundled.answer("run", {"text": text, "edits": edits}).json
        assert edited["baseline"] is not None
        question = {"run": run["request"], "part": "encoder", "layer": 0, "head": 0, "query": 3}
        effects = bundled.answer("effects", question).json
    assert effects["of"] == len(run["source"])


def test_the_bundled_model_translates_and_its_check_is_small(bundled):
    answer = bundled.answer("run", {"text": "The old man walks."}).json
    translation = Translator.load("en-fr").translate("The old man walks.")
    assert answer["translation"] == translation.text
    assert 0 < answer["check"]["largest"] < 1e-4
    beam = bundled.answer("beam", {"run": answer["request"], "beam_size": 4}).json
    assert beam["finished"][0]["translation"] == answer["translation"]
    words = bundled.answer("words", {"query": "cat"}).json["tokens"]
    assert words[0]["piece"] == "▁cat"
