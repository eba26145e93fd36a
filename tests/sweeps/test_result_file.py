"""A sweep's result on disk: what was saved comes back, and nothing else is read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from clearhead.errors import ConfigError
from clearhead.sweeps.result import Sweep

VALUES = np.array([[1.0, -2.0, 1 / 3], [0.0, 4.0, np.nan]])


def result() -> Sweep:
    return Sweep(
        "effect of patching",
        VALUES,
        {"module": ("h.0.attn", "h.1.attn"), "head": ("0", "1", "2")},
        ("a note",),
        before=-1.5,
        target=5.0,
        model="GPT2LMHeadModel",
        over="heads",
        edit="patch",
        to={"module": "h.1.attn", "part": "query", "head": None, "freeze": ["*.mlp"]},
        tokens={"edited": ("The", " naïve"), "source": ("The", " dog")},
    )


def test_what_was_saved_comes_back(tmp_path):
    path = tmp_path / "heads.json"
    result().save(path)
    again = Sweep.load(path)
    np.testing.assert_array_equal(again.values, VALUES)
    for name in vars(result()).keys() - {"values"}:
        assert getattr(again, name) == getattr(result(), name), name
    np.testing.assert_array_equal(again.relative.values, VALUES / 6.5)


def test_edges_and_layers_have_their_own_axes(tmp_path):
    path = tmp_path / "one.json"
    edges = {"module": ("a",), "query": ("3", "4"), "key": ("0",)}
    Sweep("effect", np.ones((1, 2, 1)), edges, over="edges", edit="remove").save(path)
    assert Sweep.load(path).values.shape == (1, 2, 1)
    Sweep("effect", np.ones(2), {"module": ("a", "b")}, over="layers").save(path)
    again = Sweep.load(path)
    assert again.target is None
    assert again.to is None
    assert again.tokens == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "clearhead sweep 1"}, "its format is 'clearhead sweep 1', and"),
        ({"over": "tokens"}, "'over' is 'tokens', and none of heads, layers"),
        ({"axes": [["module", ["a"]]]}, "its axes are 'module', where a sweep over heads has"),
        ({"axes": [["module", ["a", "a"]], ["head", ["0"]]]}, "or one of them twice"),
        ({"axes": [["module", ["a"]], ["head", ["-1"]]]}, "which is no number from 0"),
        ({"values": [[1.0, 2.0, 3.0]]}, r"not nested along its axes, \[2, 3\]"),
        ({"values": [[1, 2, "3"], [1, 2, 3]]}, "not all numbers or null"),
        ({"values": [[1, 2, True], [1, 2, 3]]}, "not all numbers or null"),
        ({"values": [[1, 2, 10**400], [1, 2, 3]]}, "is too large"),
        ({"before": None}, "is null, not a number"),
        ({"to": {"module": "a", "part": "hat", "head": 0}}, "'part' is 'hat'"),
        ({"tokens": {"clean": ["a"]}}, "has 'clean', which is none of its members"),
        ({"more": 1}, "has 'more', which is none of its members"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, change: dict[str, Any], words: str):
    path = tmp_path / "heads.json"
    result().save(path)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), "utf-8")
    with pytest.raises(ConfigError, match=words) as error:
        Sweep.load(path)
    assert "is not the result of a sweep" in str(error.value)
