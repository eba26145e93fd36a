"""The page and the JSON of a sweep."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from clearhead.cli.inspect import Tokens
from clearhead.cli.patch._page import as_json, measure_of, page, position_names, write_picture
from clearhead.cli.patch._texts import Pair, Word
from clearhead.cli.terminal.heatmap import Paper
from clearhead.sweeps.result import Sweep

MODEL = SimpleNamespace(name="tiny", model=object(), dtype="float32", device="cpu")
ANSWER, AGAINST = Word("cat", 3, "▁cat"), Word("dog", 4, "▁dog")
AXES = {"module": ("h.0.attn", "h.1.attn"), "head": ("0", "1")}


def tokens(*labels: str) -> Tokens:
    return Tokens([len(one) for one in labels], list(labels), [False] * len(labels))


PAIR = Pair(tokens("the", "cat"), Tokens([3, 9], ["the", "dog"], [False, False]), None, -1)


def sweep(values: list[list[float]], before: float = 1.0, target: float = 5.0) -> Sweep:
    return Sweep("effect of patching", np.array(values), AXES, before=before, target=target)


def printed(result: Sweep) -> str:
    paper = Paper(width=80, colour=False)
    measure = measure_of(ANSWER, AGAINST)
    return "\n".join(page(MODEL, PAIR, measure, [result], paper, top=2))


def test_shares_and_what_goes_furthest():
    text = printed(sweep([[4.0, -2.0], [0.0, np.nan]]))
    assert "logit of ▁cat less that of ▁dog  +5.000 with the clean text, +1.000" in text
    assert "+1.00" in text
    assert "+1.000 ██████████    +4.0000  h.0.attn  head 0" in text
    assert "not higher" not in text
    assert text.count("head 1") <= 2


def test_a_model_that_does_not_know_the_answer():
    assert "The measure is not higher with the clean text" in printed(
        sweep([[1.0, 0.0], [0.0, 0.0]], before=5.0, target=1.0)
    )
    assert "No edit changed anything." in printed(sweep([[0.0, 0.0], [0.0, 0.0]]))


def test_positions_have_their_tokens(tmp_path):
    pytest.importorskip("matplotlib")
    assert position_names(PAIR, ["0", "1", "2"]) == ["0 the", "1 cat / dog", "2"]
    axes = {"module": ("h.0", "h.1"), "position": ("1",)}
    result = Sweep("effect of patching", np.ones((2, 1)), axes, before=0.0, target=2.0)
    path = tmp_path / "a.svg"
    write_picture(path, MODEL, PAIR, "logit of ▁cat", [sweep([[1.0, 2.0], [3.0, 4.0]]), result])
    picture = path.read_text("utf-8")
    assert "1 cat / dog" in picture
    assert "logit of ▁cat:" in picture
    assert "+5.000 with the clean text, +1.000 with the corrupted" in picture


def test_whole_blocks_are_explained():
    axes = {"module": ("h.0", "h.1")}
    result = Sweep(
        "effect of patching", np.full(2, 4.0), axes, before=1.0, target=5.0, over="layers"
    )
    assert "A block's whole output is the residual stream" in printed(result)
    assert "A block's whole output" not in printed(sweep([[4.0, 4.0], [4.0, 4.0]]))


def test_several_sweeps_of_the_same_runs_are_one_page():
    axes = {"module": ("h.0", "h.1"), "position": ("0", "1")}
    other = Sweep("effect of patching", np.full((2, 2), 3.0), axes, before=1.0, target=5.0)
    paper = Paper(width=80, colour=False)
    text = "\n".join(page(MODEL, PAIR, "m", [sweep([[4.0, 1.0], [0.0, 1.0]]), other], paper, top=1))
    assert text.count("+5.000 with the clean text") == 1
    assert text.index("module by head") < text.index("module by position")


def test_json_has_null_where_there_is_no_number():
    document = as_json(MODEL, PAIR, ANSWER, None, sweep([[4.0, -2.0], [0.0, np.nan]]))
    assert document["changes"] == [[4.0, -2.0], [0.0, None]]
    assert (document["clean"], document["corrupted"]) == (5.0, 1.0)
    assert document["against"] is None
    assert document["axes"]["head"] == ["0", "1"]
