"""The soak: what it calls flat, and that it runs."""

from __future__ import annotations

import itertools
import json
import sys

import pytest

from benchmarks import soak
from benchmarks.soak import Sample, is_flat


def samples(count: int, growth: float, files: float = 0.0) -> list[Sample]:
    return [
        Sample(i, int(100e6 * (1 + growth * i / count)), int(10 + files * i / count), 3)
        for i in range(count)
    ]


def test_flat_is_told_from_growing():
    assert is_flat(samples(40, 0.0))[0]
    assert not is_flat(samples(40, 0.5))[0]
    assert not is_flat(samples(40, 0.0, files=20))[0]
    assert is_flat(samples(2, 0.0)) == (False, "too few samples to say")


def test_memory_that_grows_to_a_bound_at_first_is_flat():
    early = [Sample(i, int(50e6 + i * 5e6), 10, 3) for i in range(10)]
    assert is_flat([*early, *samples(40, 0.0)])[0]


def test_sentences_differ():
    sentences = list(itertools.islice(soak.texts(), 500))
    assert len(set(sentences)) == 500


def test_the_table_has_ten_rows():
    rows = soak.rows_of(samples(100, 0.0))
    assert len(rows) == 10
    assert rows[0] == ["0.1", "100", "10", "3"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_runs(capsys, tmp_path):
    pytest.importorskip("torch")
    picture = tmp_path / "soak.png"
    arguments = ["--quick", "--json", "--minutes", "0.1", "--only", "recording"]
    soak.main([*arguments, "--picture", str(picture)])
    result = json.loads(capsys.readouterr().out)
    assert result["samples"]["recording"]
    assert result["verdicts"][0].startswith("recording: ")
    assert picture.stat().st_size > 1000
