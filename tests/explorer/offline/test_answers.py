"""A saved page holds the answers that its views need, as exactly as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.offline import numbers
from clearhead.explorer.offline.answers import LEVELS, Focus, PageAnswers
from clearhead.explorer.offline.numbers import follow

TEXT = "The black cat sleeps."


# The small model is random and would go on for long; a translation that is given is short.
REQUEST = {"text": TEXT, "target": "le chat"}


Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def page_answers(explorer: Explorer) -> PageAnswers:
    return PageAnswers(explorer, REQUEST, "#part=decoder&layer=0&head=1&query=2", 0)


def unpack(json: dict[str, Any], data_by_type: dict[str, Array]) -> dict[str, Array]:
    """The arrays of a page, made as its script makes them."""
    values_by_type = {
        name: np.ascontiguousarray(data.reshape(np.dtype(name).itemsize, -1).T).view(name).ravel()
        for name, data in data_by_type.items()
    }
    saved_arrays: dict[str, Array] = {}
    for entry in json["arrays"]:
        shape = list(entry["shape"])
        if "kept" in entry:
            shape[entry["axis"]] = len(entry["kept"])
        if entry.get("recipe") == numbers.COPY:
            data = saved_arrays[entry["of"][0]].ravel()
        elif "recipe" in entry:
            data = follow(entry, saved_arrays)
            assert data is not None
        else:
            start = entry["start"]
            data = values_by_type[entry["stored"]][start : start + int(np.prod(shape))]
            if data.dtype.kind == "f" and not entry.get("single"):
                data = data.astype(float)
        saved_arrays[entry["path"]] = data.reshape(shape)
    return saved_arrays


def test_every_step_comes_back_to_the_last_bit(
    explorer: Explorer, page_answers: PageAnswers
) -> None:
    saved_arrays = unpack(*page_answers.pack(LEVELS[0]))
    trace = explorer.run(_request(page_answers)).trace
    left_out = []
    for step in page_answers.run["steps"]:
        if step["path"] not in saved_arrays or "kept" in step:
            left_out.append(step["path"].rpartition(".")[2])
        elif step["path"] not in ("logits", "probabilities"):
            np.testing.assert_array_equal(saved_arrays[step["path"]], trace[step["path"]].value)
    assert set(left_out) == {"contributions"}


def test_rounded_numbers_have_seven_digits_and_the_file_says_so(
    explorer: Explorer, page_answers: PageAnswers
) -> None:
    json, data_by_type = page_answers.pack(LEVELS[1])
    assert json["run"]["check"]["stored"] == "float32"
    assert page_answers.pack(LEVELS[0])[0]["run"]["check"]["stored"] == "float64"
    saved_arrays = unpack(json, data_by_type)
    trace = explorer.run(_request(page_answers)).trace
    for path in ("encoder.output", "decoder.layers.0.cross_attention.weights"):
        np.testing.assert_allclose(saved_arrays[path], trace[path].value, rtol=1e-5, atol=1e-6)
    # Weights were float32 from the beginning, so nothing of them is lost.
    assert saved_arrays["weights/decoder.layers.0.self_attention.query.weight"].tolist() == (
        explorer.models.checkpoint.weights["decoder.layers.0.self_attention.query.weight"].tolist()
    )


def test_the_smallest_file_keeps_the_chosen_layer(page_answers: PageAnswers) -> None:
    json, data_by_type = page_answers.pack(LEVELS[2])
    saved_arrays = unpack(json, data_by_type)
    assert "decoder.layers.0.self_attention.scores" in saved_arrays
    assert "decoder.layers.0.cross_attention.scores" in saved_arrays
    assert "decoder.output" in saved_arrays
    assert not any(path.startswith("encoder.layers.0") for path in saved_arrays)


def test_words_that_are_named_have_their_logits(
    explorer: Explorer, page_answers: PageAnswers
) -> None:
    json, data_by_type = page_answers.pack(LEVELS[0])
    saved_arrays = unpack(json, data_by_type)
    entries = {entry["path"]: entry for entry in json["arrays"]}
    ids = entries["logits"]["kept"]
    trace = explorer.run(_request(page_answers)).trace
    np.testing.assert_array_equal(saved_arrays["logits"], trace["logits"].value[..., ids])
    for place in page_answers.run["next"]:
        assert {one["token"]["id"] for one in place["likeliest"]} <= set(ids)
        assert place["taken"]["token"]["id"] in ids
    matrices = {path: entry for path, entry in entries.items() if path.endswith("g.weight")}
    assert matrices
    weights = explorer.models.checkpoint.weights
    for path, entry in matrices.items():
        assert {token["id"] for token in page_answers.run["source"]} <= set(entry["kept"])
        assert set(ids) <= set(entry["kept"])
        whole = weights[path.removeprefix("weights/")]
        assert entry["shape"] == list(whole.shape)
        np.testing.assert_array_equal(saved_arrays[path], whole[entry["kept"]])


def test_what_is_edited_is_stored_as_it_is(explorer: Explorer) -> None:
    temperature = {
        "kind": "attention_temperature",
        "part": "cross",
        "layer": 0,
        "head": 1,
        "value": 2,
    }
    edits = [
        {"kind": "ablate_head", "part": "encoder", "layer": 0, "head": 0},
        {"kind": "mask_token", "position": 1},
        temperature,
    ]
    edited = PageAnswers(explorer, {**REQUEST, "edits": edits}, "", 0)
    saved_arrays = unpack(*edited.pack(LEVELS[0]))
    trace = explorer.run(_request(edited)).trace
    for step in edited.run["steps"]:
        if step["path"] in saved_arrays and step["path"] not in ("logits", "probabilities"):
            np.testing.assert_array_equal(saved_arrays[step["path"]], trace[step["path"]].value)


def test_effects_are_those_of_the_chosen_query_and_of_others_while_there_is_time(
    explorer: Explorer,
) -> None:
    state = "part=cross&layer=0&head=1&query=2&position=1"
    one = PageAnswers(explorer, REQUEST, state, effect_seconds=0).effects
    assert [(e["params"]["query"], e["params"]["position"]) for e in one] == [(2, None), (2, 1)]
    every = PageAnswers(explorer, REQUEST, state, effect_seconds=60)
    queries = len(every.run["decoder_input"])
    assert sorted(e["params"]["query"] for e in every.effects) == sorted([2, *range(queries)])
    params = {**one[0]["params"], "run": every.request, "most": 64}
    assert one[0]["json"] == explorer.answer("effects", params).json


@pytest.mark.parametrize(
    ("state", "focus"),
    [
        ("", ("cross", 0, 0, 0, None)),
        ("#part=encoder&layer=1&head=3&query=2&position=1", ("encoder", 1, 3, 2, 1)),
        ("part=nowhere&layer=99&head=-1&query=1e3&position=9999999999", ("encoder", 1, 0, 0, None)),
    ],
)
def test_the_address_chooses_as_near_as_can_be(
    page_answers: PageAnswers, state: str, focus: tuple[Any, ...]
) -> None:
    nearest = Focus.of(state, page_answers.run)
    assert (nearest.part, nearest.layer, nearest.head, nearest.query, nearest.position) == focus


def _request(page_answers: PageAnswers) -> Any:
    from clearhead.explorer.contract.questions import RunQuestion
    from clearhead.explorer.contract.reading import read_question

    return read_question(RunQuestion, page_answers.request)


@pytest.mark.parametrize("kind", ["gpt2", "bert", "vectors"])
def test_a_page_of_any_kind_of_model_has_its_numbers(kind, request):
    explorer = request.getfixturevalue(kind)
    answers = PageAnswers(explorer, {"text": "The cat sleeps."}, "", effect_seconds=0.1)
    json, arrays = answers.pack(LEVELS[0])
    assert json["model"]["kind"] == explorer.models.kind
    assert json["beam"] is None
    assert bool(json["effects"]) is (kind != "vectors")
    paths = {entry["path"] for entry in json["arrays"]}
    held = {step["path"] for step in json["run"]["steps"] if "contributions" not in step["path"]}
    assert held <= paths
    assert arrays


@pytest.mark.parametrize("limit", ["MOST_STORED", "MOST_WORDS"])
def test_a_page_that_no_file_takes_is_refused_before_it_is_computed(gpt2, monkeypatch, limit):
    from clearhead.explorer.offline import answers as module

    monkeypatch.setattr(module, limit, 1000)
    words = r"too large for one file: it has [\d,]+ numbers .* Save a shorter text, or a page of"
    with pytest.raises(ConfigError, match=words):
        PageAnswers(gpt2, {"text": "The cat sleeps."}, "")
