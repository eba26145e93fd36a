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

from clearhead.errors import ConfigError
from clearhead.explorer.contract.arrays import decode
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.offline import page as offline
from clearhead.explorer.offline.answers import LEVELS, PageAnswers
from clearhead.explorer.offline.page import MOST_BYTES, offline_answer, offline_html
from tests.explorer.walked import bundled

TEXT = "The black cat sleeps."
# The small model is random and would go on for long; a translation that is given is short.
REQUEST = {"text": TEXT, "target": "le chat"}
# 12 tokens, as the model's tokenizer cuts it, and the end token.
TWELVE = "The old man walked slowly to the small house today."

Array = np.ndarray[Any, Any]


def answers(page: str) -> tuple[dict[str, Any], dict[str, Array]]:
    block = re.search(r'id="clearhead-answers">([A-Za-z0-9+/=]*)</script>', page)
    assert block is not None
    json, data_by_type = decode(gzip.decompress(base64.b64decode(block[1])))
    return json, data_by_type


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


def test_a_sentence_of_twelve_tokens_stays_within_the_limit() -> None:
    state = "#part=encoder&layer=2&query=3"
    page = offline_html(bundled(), {"text": TWELVE}, view_state=state, effect_seconds=0)
    json, _ = answers(page)
    assert len(json["run"]["source"]) == 13
    assert len(page.encode()) < MOST_BYTES
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


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
