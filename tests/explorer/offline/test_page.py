"""One file holds what its views need: the same bits where it can, said plainly where it cannot."""

from __future__ import annotations

import base64
import gzip
import hashlib
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from clearhead.errors import ConfigError
from clearhead.explorer.contract.arrays import decode
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.offline import numbers as offline_numbers
from clearhead.explorer.offline import page as offline
from clearhead.explorer.offline.answers import LEVELS, Focus, PageAnswers
from clearhead.explorer.offline.numbers import Pack, follow, narrowest, planes
from clearhead.explorer.offline.page import offline_answer, offline_html
from clearhead.reference.tracing.steps import kinds
from clearhead.translation.checkpoint import read_checkpoint
from tests.explorer.word_tables import FRONT

TEXT = "The black cat sleeps."
# The small model is random and would go on for long; a translation that is given is short.
REQUEST = {"text": TEXT, "target": "le chat"}
# 12 tokens, as the model's tokenizer cuts it, and the end token.
TWELVE = "The old man walked slowly to the small house today."

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def bundled() -> Explorer:
    return Explorer(read_checkpoint("en-fr"))


@pytest.fixture(scope="module")
def page_answers(explorer: Explorer) -> PageAnswers:
    return PageAnswers(explorer, REQUEST, "#part=decoder&layer=0&head=1&query=2", 0)


def unpack(json: dict[str, Any], data_by_type: dict[str, Array]) -> dict[str, Array]:
    """The arrays of a page, made as its script makes them."""
    numbers = {
        name: np.ascontiguousarray(data.reshape(np.dtype(name).itemsize, -1).T).view(name).ravel()
        for name, data in data_by_type.items()
    }
    saved_arrays: dict[str, Array] = {}
    for entry in json["arrays"]:
        shape = list(entry["shape"])
        if "kept" in entry:
            shape[entry["axis"]] = len(entry["kept"])
        if entry.get("recipe") == offline_numbers.COPY:
            data = saved_arrays[entry["of"][0]].ravel()
        elif "recipe" in entry:
            data = follow(entry, saved_arrays)
            assert data is not None
        else:
            start = entry["start"]
            data = numbers[entry["stored"]][start : start + int(np.prod(shape))]
            if data.dtype.kind == "f" and not entry.get("single"):
                data = data.astype(float)
        saved_arrays[entry["path"]] = data.reshape(shape)
    return saved_arrays


def answers(page: str) -> tuple[dict[str, Any], dict[str, Array]]:
    block = re.search(r'id="clearhead-answers">([A-Za-z0-9+/=]*)</script>', page)
    assert block is not None
    json, data_by_type = decode(gzip.decompress(base64.b64decode(block[1])))
    return json, data_by_type


# Numbers


@given(arrays(np.float64, array_shapes(max_dims=3)))
def test_narrowing_loses_nothing(x: Array) -> None:
    narrow = narrowest(x)
    np.testing.assert_array_equal(narrow.astype(np.float64), x)
    np.testing.assert_array_equal(np.signbit(narrow), np.signbit(x))


def test_narrowing_takes_the_narrowest() -> None:
    assert narrowest(np.array([0.5, -2048.0, -np.inf])).dtype == np.float16
    assert narrowest(np.array([0.5, 1e6])).dtype == np.float32
    assert narrowest(np.array([1e-8])).dtype == np.float64
    assert narrowest(np.array([3, -1])).dtype == np.int32


@given(st.sampled_from(["float64", "float32", "float16", "int32"]), st.integers(0, 9), st.data())
def test_sorted_bytes_come_back_in_order(name: str, size: int, data: st.DataObject) -> None:
    x = data.draw(arrays(np.dtype(name), (size,)))
    sorted_bytes = planes(x)
    back = np.ascontiguousarray(sorted_bytes.reshape(x.itemsize, size).T).view(name).ravel()
    assert back.tobytes() == x.tobytes()


def test_known_numbers_are_not_stored_again() -> None:
    pack = Pack()
    x = np.linspace(0, 1, 6)
    pack.add("one", x)
    pack.add("other", x.reshape(2, 3).copy())
    assert pack.entries[1] == {"path": "other", "shape": [2, 3], "recipe": "copy", "of": ["one"]}
    assert sum(data.size for data in pack.arrays().values()) == x.nbytes


def test_a_recipe_is_taken_only_where_it_gives_the_same_numbers() -> None:
    constants = offline_numbers.Constants.of({"d_model": 8, "num_heads": 2, "norm_epsilon": 0.0})
    formula = "scores / sqrt(head_dim)"
    step = {"path": "a.scaled", "of": ["a.scores"], "formula": formula}
    scores = np.array([[0.3, 0.7], [1.1, -0.2]])
    pack = Pack()
    pack.add("a.scores", scores)
    pack.add_step(step, scores * 0.5, constants)
    assert pack.entries[1]["recipe"] == "times"
    pack.add_step({**step, "path": "b.scaled"}, np.nextafter(scores * 0.5, 9), constants)
    assert pack.entries[2]["stored"] == "float64"


def test_python_and_the_page_carry_out_the_declared_operations() -> None:
    declared = {kind.recipe.operation for kind in kinds() if kind.recipe is not None}
    assert set(offline_numbers._OPERATIONS) == declared
    source = (FRONT / "core/sources/embedded_numbers.ts").read_text("utf-8")
    names = re.search(r"recipe\?:([^;]*);", source)
    assert names is not None
    assert set(re.findall(r'"(\w+)"', names[1])) == declared | {offline_numbers.COPY}


def test_every_operation_saves_numbers_of_the_bundled_model(bundled: Explorer) -> None:
    json, _ = PageAnswers(bundled, {"text": TEXT}, "", 0).pack(LEVELS[0])
    operations = {entry["recipe"] for entry in json["arrays"] if "recipe" in entry}
    assert operations == {*offline_numbers._OPERATIONS, offline_numbers.COPY}


# What is in the file


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


# The page


def test_the_page_allows_its_own_parts_and_nothing_else(explorer: Explorer) -> None:
    page = offline_html(explorer, REQUEST, effect_seconds=0)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    script = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(script) == len(style) == page.count("</style") == 1
    assert page.count("</script") == 2
    assert rules == {
        "default-src": "'none'",
        "script-src": _hash(script[0]),
        "style-src": _hash(style[0]),
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not re.search(r"<(link|img|iframe|base)\b|\bsrc=\"", page.split("</head>")[0])


def test_a_text_cannot_break_out_of_the_page(explorer: Explorer) -> None:
    text = "</title></script><script>alert(1)</script> <!--"
    page = offline_html(
        explorer, {"text": text, "target": "a"}, view_state=f"#text={text}", effect_seconds=0
    )
    assert "alert(1)</script>" not in page
    assert page.count("</script") == 2
    assert page.split("<style>")[0].count("</title>") == 1
    assert answers(page)[0]["run"]["text"] == text


def test_scripts_that_speak_of_scripts_do_not_end_early(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"explorer.js": 'a = "</script><!--";\r\nb = 1;', "explorer.css": "a { }\r\n"}
    monkeypatch.setattr(offline, "built_file", files.__getitem__)
    page = offline_html(explorer, REQUEST, effect_seconds=0)
    assert r'<script type="module">a = "<\/script>\x3C!--";' + "\nb = 1;</script>" in page
    assert "<style>a { }\n</style>" in page


def test_the_same_sentence_gives_the_same_file(explorer: Explorer) -> None:
    # Two explorers: what is timed comes from the same run of one.
    once, again = (
        offline_html(explorer, REQUEST, view_state="#layer=1", effect_seconds=0) for _ in range(2)
    )
    assert once == again


def test_a_file_that_is_too_large_is_rounded_and_then_thinned(explorer: Explorer) -> None:
    request = REQUEST
    exact = offline_html(explorer, request, effect_seconds=0)
    assert answers(exact)[0]["run"]["check"]["stored"] == "float64"
    rounded = offline_html(explorer, request, most_bytes=len(exact) - 1, effect_seconds=0)
    assert answers(rounded)[0]["run"]["check"]["stored"] == "float32"
    assert answers(rounded)[0]["all_layers"] is True
    thinned = offline_html(explorer, request, most_bytes=1, effect_seconds=0)
    assert answers(thinned)[0]["all_layers"] is False
    assert len(thinned) < len(rounded) < len(exact)


def test_more_numbers_than_memory_should_hold_are_thinned_before_they_are_gathered(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[str] = []

    class Listener:
        def answer(self, name: str, params: Any = None) -> Any:
            paths.extend(item["path"] for item in (params or {}).get("items", ()))
            return explorer.answer(name, params)

    page_answers = PageAnswers(explorer, REQUEST, "", 0)
    most = page_answers.count(LEVELS[0])
    steps = [step for step in page_answers.run["steps"] if page_answers._holds(step, LEVELS[0])]
    assert most == sum(math.prod(step["shape"]) for step in steps)
    monkeypatch.setattr(offline, "MOST_NUMBERS", most)
    assert answers(offline_html(Listener(), REQUEST, effect_seconds=0))[0]["all_layers"] is True
    everything = len(paths)
    paths.clear()
    monkeypatch.setattr(offline, "MOST_NUMBERS", most - 1)
    assert answers(offline_html(Listener(), REQUEST, effect_seconds=0))[0]["all_layers"] is False
    assert len(paths) < everything


def test_a_sentence_of_twelve_tokens_is_under_three_megabytes(bundled: Explorer) -> None:
    state = "#part=encoder&layer=2&query=3"
    page = offline_html(bundled, {"text": TWELVE}, view_state=state, effect_seconds=0)
    json, _ = answers(page)
    assert len(json["run"]["source"]) == 13
    assert len(page.encode()) < 3_000_000
    assert json["all_layers"] is True
    assert json["state"] == state
    paths = {entry["path"] for entry in json["arrays"]}
    assert {f"weights/encoder.layers.2.self_attention.{name}.weight"
            for name in ("query", "key", "value", "output")} <= paths  # fmt: skip
    assert json["beam"]["beam_size"] == 4
    assert {"overview/encoder/weights", "overview/cross/entropy"} <= paths


def test_the_server_s_question(explorer: Explorer) -> None:
    answer = offline_answer(explorer, {"run": REQUEST, "state": "#view=heads"})
    assert answer.json == {"name": "clearhead.html"}
    page = answer.arrays["html"].tobytes().decode()
    assert page.startswith("<!doctype html>")
    assert answers(page)[0]["state"] == "#view=heads"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, r"offline needs run; it is missing\."),
        ({"run": {"text": "a"}, "state": 3}, r"offline: state must be a text; it is 3\."),
        ({"run": {}, "more": 1}, r"Unknown 'more': offline takes run, state\."),
    ],
)
def test_the_server_s_question_is_refused_in_words(
    explorer: Explorer, params: Any, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        offline_answer(explorer, params)


def test_a_page_that_was_never_built_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(offline, "BUILD", tmp_path)
    with pytest.raises(ConfigError, match=r"not built: explorer\.css is missing.*npm run build"):
        offline.built_file("explorer.css")


def _request(page_answers: PageAnswers) -> Any:
    from clearhead.explorer.contract.questions import RunQuestion
    from clearhead.explorer.contract.reading import read_question

    return read_question(RunQuestion, page_answers.request)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
