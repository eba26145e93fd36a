"""The translation benchmark runs at a tiny size, and its systems compute the same function."""

from __future__ import annotations

import json

import pytest

from benchmarks.translation import __main__ as translation
from benchmarks.translation.systems import OURS, TARGET_TOKENS


def test_it_runs_and_says_what_it_measured(capsys):
    translation.main(["--quick", "--json", "--threads", "1", "--systems", OURS])
    result = json.loads(capsys.readouterr().out)
    assert {(row["batch"], row["beam"]) for row in result["rows"]} == {(1, 1), (1, 4)}
    for row in result["rows"]:
        assert row["tokens_per_second"] > 0
        assert row["same_tokens"] == 1.0
    assert "load_before" in result["machine"]


@pytest.mark.slow
def test_all_systems_give_the_same_tokens(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("ctranslate2")
    names = [OURS, "transformers", "CTranslate2 float32"]
    translation.main(["--quick", "--json", "--threads", "1", "--systems", *names])
    result = json.loads(capsys.readouterr().out)
    shares = {(row["system"], row["beam"]): row["same_tokens"] for row in result["rows"]}
    assert shares == {(name, beam): 1.0 for name in names for beam in (1, 4)}


def test_a_change_in_the_last_place_is_no_difference_and_any_other_is():
    ours = [list(range(TARGET_TOKENS - 1))]
    assert translation.same_tokens(ours, [[*ours[0], 7]]) == 1.0
    assert translation.same_tokens(ours, [[9, *ours[0][1:], 7]]) == 0.0
