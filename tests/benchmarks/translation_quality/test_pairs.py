"""Sets of pairs are read from one file or two, whole or evenly thinned."""

from __future__ import annotations

import gzip

import pytest

from benchmarks.translation_quality.pairs import PairSet, read_pairs
from clearhead.errors import CorpusError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "set.tsv"
    path.write_text("".join(f"source {i}\treference {i}\n" for i in range(10)), "utf-8")
    return path


def test_a_file_with_tabs_is_a_set(table):
    pairs = read_pairs(f"easy={table}")
    assert (pairs.name, pairs.total) == ("easy", 10)
    assert (pairs.sources[3], pairs.references[3]) == ("source 3", "reference 3")


def test_a_packed_file_is_the_same_set(table, tmp_path):
    (tmp_path / "set.tsv.gz").write_bytes(gzip.compress(table.read_bytes()))
    assert read_pairs(f"a={table}.gz") == read_pairs(f"a={table}")


def test_a_part_is_spread_evenly(table):
    pairs = read_pairs(f"easy={table}", 3)
    assert pairs.sources == ("source 0", "source 3", "source 6")
    assert pairs.total == 10
    assert len(read_pairs(f"easy={table}", 30).sources) == 10


def test_two_files_are_a_set(tmp_path):
    (tmp_path / "x.en").write_text("Yes\u2028.\nNo.\n", "utf-8")
    (tmp_path / "x.fr").write_text("Oui.\nNon.\n", "utf-8")
    pairs = read_pairs(f"x={tmp_path}/x.en,{tmp_path}/x.fr")
    assert pairs == PairSet("x", ("Yes\u2028.", "No."), ("Oui.", "Non."), 2)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("file", "takes NAME=FILE"),
        ("=x.tsv", "takes NAME=FILE"),
        ("a={}/none.tsv", "there is no file"),
        ("a={}/empty.tsv", "there are no lines"),
        ("a={}/odd.tsv", "line 2 must have one tab"),
        ("a={0}/odd.tsv,{0}/empty.tsv", "there are 2 and 0"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path, argument, words):
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "odd.tsv").write_text("a\tb\nc\n")
    with pytest.raises(CorpusError, match=words):
        read_pairs(argument.format(tmp_path))
