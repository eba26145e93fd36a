"""The result of a sweep, as the page asks for it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.explorer import explorer_of
from clearhead.explorer.recordings.sweep import SweepExplorer, is_sweep, open_sweep, sweep_answer
from clearhead.sweeps.result_file import write_result

MEMBERS = {
    "model": "GPT2LMHeadModel",
    "over": "heads",
    "edit": "patch",
    "to": None,
    "measure": "a logit",
    "before": -1.25,
    "target": 2.5,
    "axes": {"module": ("h.0.attn", "h.1.attn"), "head": ("0", "1", "2")},
    "values": np.array([[0.5, np.nan, 1.0], [2.0, 3.0, -4.0]]),
    "tokens": {"edited": ("The", " cat"), "source": ("The", " dog")},
    "notes": ("a remark",),
}


def test_a_file_and_its_result_give_the_same_answer(tmp_path) -> None:
    path = tmp_path / "patched.json"
    write_result(path, MEMBERS)
    answer = open_sweep(path)
    assert answer == open_sweep(SimpleNamespace(**MEMBERS))
    assert answer["values"] == [0.5, None, 1.0, 2.0, 3.0, -4.0]
    assert answer["axes"][1] == {"name": "head", "entries": ["0", "1", "2"]}
    assert answer["tokens"]["decoder"] is None
    assert (is_sweep(path), is_sweep("en-fr")) == (True, False)
    explorer = explorer_of(path)
    assert explorer.answer("sweep").json == answer
    model = explorer.answer("model").json
    assert (model["kind"], model["abilities"]) == ("sweep", ["sweep"])
    assert model["provenance"]["notes"] == ["a remark"]


def test_what_it_cannot_answer_is_refused(tmp_path) -> None:
    explorer = SweepExplorer(sweep_answer(MEMBERS), "mine")
    assert explorer.answer("model").json["name"] == "mine"
    with pytest.raises(ConfigError, match=r"cannot answer 'run': .* It answers model, sweep"):
        explorer.answer("run")
    with pytest.raises(ConfigError, match="has 6 numbers, and the page shows 5 at once"):
        sweep_answer(MEMBERS, numbers=5)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ConfigError, match="is not the result of a sweep"):
        open_sweep(tmp_path / "other.json")
    with pytest.raises(ConfigError, match="name the positions of a recording"):
        explorer_of(SimpleNamespace(**MEMBERS), tokens=["a"])


def test_it_stands_beside_a_recording() -> None:
    torch = pytest.importorskip("torch")
    from clearhead.explorer.recordings.explorer import RecordingExplorer
    from clearhead.maps import AttentionMap

    one = AttentionMap.of(torch.randn(1, 2, 4, 8), torch.randn(1, 2, 4, 8))
    answer = sweep_answer(MEMBERS)
    explorer = RecordingExplorer({"h.0.attn": one}, sweep=answer)
    assert explorer.answer("model").json["abilities"] == ["sweep"]
    assert explorer.answer("sweep").json == answer
    with pytest.raises(ConfigError, match="cannot answer 'sweep'"):
        RecordingExplorer({"h.0.attn": one}).answer("sweep")
