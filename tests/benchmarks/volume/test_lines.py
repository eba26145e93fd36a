"""The lines of the benchmark."""

from __future__ import annotations

import pytest

from benchmarks.volume.lines import pairs_of, with_repeats, without_repeats, write
from clearhead.errors import CorpusError


def test_lines_with_their_repeats_and_without(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"word {number % 4}\tmot {number}\n" for number in range(8)))
    pairs = pairs_of(str(path))
    assert sorted(pairs) == sorted((f"word {n % 4}", f"mot {n}") for n in range(8))
    sources = [source for source, _ in pairs]
    assert with_repeats(sources, 8) == sources
    assert len(set(without_repeats(sources, 4))) == 4
    with pytest.raises(CorpusError, match="5 different lines are needed, and the pairs have 4"):
        without_repeats(sources, 5)
    assert write(tmp_path / "x", ["a", "é"]).read_bytes() == b"a\n\xc3\xa9\n"
