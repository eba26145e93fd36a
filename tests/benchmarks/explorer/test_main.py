"""The explorer's benchmark judges what it measured."""

from __future__ import annotations

from collections import Counter

from benchmarks.explorer import __main__ as explorer
from benchmarks.explorer.crowd import Crowd

FACTS = {"processor": "p", "cores": 2, "system": "s", "libraries": {}, "quiet": True}


def test_each_limit_is_judged():
    answers = Crowd(Counter({200: 3, 429: 1}), {200: [0.1, 0.2, 0.3], 429: [0.01]}, [])
    waits = {explorer.ADDRESS: 0.9, explorer.FIRST_HTML: 1.0, explorer.FIRST_RUN: 1.2}
    seconds = {"... of which trace": 0.05, "a what-if": 0.7}
    size = {"page": 100_000, "offline": 2_000_000}
    result = explorer.result_of(waits, {}, seconds, size, answers, [1, 100, 130], FACTS)
    assert result["verdicts"] == [
        "first view: 1 s (limit 2: kept)",
        "a sentence's walk: 0.05 s (limit 0.1: kept)",
        "a what-if: 0.7 s (limit 0.5: MISSED)",
        "the page's own files, compressed: 100 kB (limit 400: kept)",
        "a sentence's HTML file: 2000 kB (limit 3000: kept)",
        "answers that were none, or without words: 0 in all (limit 0: kept)",
        "memory at the end: 1.3 of what it was warm (limit 1.15: MISSED)",
    ]
    crowd_table = next(t for t in result["tables"] if t["title"] == "Answers to the crowd")
    assert crowd_table["rows"] == [
        ["200", "3", "0.200", "0.200"],
        ["429", "1", "0.010", "0.010"],
    ]
