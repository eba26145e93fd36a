"""The benchmark of many lines runs at a tiny size."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ctranslate2")
pytest.importorskip("sacrebleu")
pytest.importorskip("torch")

from benchmarks.volume import __main__ as volume
from benchmarks.volume.__main__ import ENGINES


@pytest.mark.slow
def test_it_runs_and_says_what_it_measured(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pairs = tmp_path / "pairs.tsv"
    lines = [f"I have {number} apples.\tJ'ai {number} pommes.\n" for number in range(12)]
    pairs.write_text("".join(lines * 2))
    volume.main([str(pairs), "--quick", "--json", "--lines", "12"])
    result = json.loads(capsys.readouterr().out)
    assert {(row["file"], row["system"]) for row in result["rows"]} == {
        (file, system)
        for file in ("as they come", "no line twice")
        for system in ("plain script", "clearhead")
    }
    assert [(row["engine"], row["compute"]) for row in result["engines"]] == list(ENGINES)
    exact = [row["same_lines"] for row in result["engines"] if row["compute"] == "float32"]
    assert exact == [1.0] * 3
    assert 0 < result["repeats"]["as they come"] < 1
    assert result["repeats"]["no line twice"] == 0
