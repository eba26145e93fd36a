"""Lines of files, plain and compressed, with their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from clearhead.errors import CorpusError
from clearhead.text import corpus_lines
from clearhead.text.corpus_lines import Skipped, decoded_lines, read_lines
from tests.text.test_corpus import write


def test_lines_without_their_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt.gz", b"one\r\ntwo\n\nfour")
    assert list(read_lines(path)) == [b"one", b"two", b"", b"four"]
    assert list(decoded_lines(path, None)) == [(1, "one"), (2, "two"), (3, ""), (4, "four")]


def test_what_is_no_text_is_told_or_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"one\n\xff\nthree\n")
    with pytest.raises(CorpusError, match=r"a\.txt, line 2: byte 1 of the line is not UTF-8"):
        list(decoded_lines(path, None))
    counts = Skipped()
    assert list(decoded_lines(path, counts)) == [(1, "one"), (3, "three")]
    assert str(counts) == "1 line skipped: 1 not UTF-8"


def test_a_line_that_does_not_end_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(corpus_lines, "_LONGEST", 8)
    path = write(tmp_path / "a.txt", b"123456\n123456")
    assert len(list(read_lines(path))) == 2
    for path in (write(tmp_path / "b.txt", b"one\n12345678"), Path("/dev/zero")):
        with pytest.raises(CorpusError, match="has 8 bytes and more, so it is no text"):
            list(read_lines(path))
