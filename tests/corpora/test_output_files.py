"""Folders and files appear whole, with the same bytes for the same pairs."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from clearhead.corpora.output_files import PairFiles, whole_folder
from clearhead.errors import CorpusError
from clearhead.text.corpus import Pair

PAIRS = [Pair("one", "un"), Pair("two", "deux")]


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    out = tmp_path / "text"
    with pytest.raises(FileNotFoundError), whole_folder(out) as draft:
        (draft / "a").write_text((draft / "b").read_text())
    assert list(tmp_path.iterdir()) == []
    out.mkdir()  # an empty one is no hindrance
    with whole_folder(out) as draft:
        (draft / "a").write_text("a")
        assert list(out.iterdir()) == []
    assert (out / "a").read_text() == "a"
    assert list(tmp_path.iterdir()) == [out]


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("mine")
    with pytest.raises(CorpusError, match=r"not empty.*--out"), whole_folder(tmp_path / "text"):
        pass
    with pytest.raises(CorpusError, match="not empty"), whole_folder(tmp_path):
        pass
    assert (tmp_path / "text").read_text() == "mine"


def write(folder: Path, *chunks: list[Pair]) -> Path:
    folder.mkdir()
    with PairFiles(folder, "en-fr") as files:
        for chunk in chunks:
            files.write("words", chunk)
        files.write("none", [])
    (facts,) = files.facts()
    path = folder / "words.en-fr.tsv.gz"
    assert (facts.file, facts.pairs) == (path.name, 2)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    return path


def test_equal_pairs_make_equal_files(tmp_path: Path) -> None:
    first = write(tmp_path / "a", PAIRS)
    second = write(tmp_path / "b", PAIRS[:1], PAIRS[1:])
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()) == b"one\tun\ntwo\tdeux\n"
