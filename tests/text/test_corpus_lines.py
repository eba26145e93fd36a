"""Lines of files, plain and compressed, with their numbers."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
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


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", gzip.compress(b"one"), r"compressed with gzip.*unpack it"),
        ("a.txt", lzma.compress(b"one"), "compressed with xz.*xz -d"),
        ("a.txt", b"\x28\xb5\x2f\xfd\0", "compressed with zstd.*zstd -d"),
        ("a.txt", bz2.compress(b"one"), "compressed with bzip2.*bzip2 -d"),
        ("a.txt", b"PK\x03\x04\x14\0", "a zip archive.*unzip"),
        ("a.txt", "one\n".encode("utf-16"), "UTF-16.*iconv"),
        ("a.txt.gz", gzip.compress("one\n".encode("utf-16")), "UTF-16.*iconv"),
        ("a.txt.gz", gzip.compress(b"one\n") + b"garbage", "cannot be read after line 1"),
    ],
)
def test_what_is_another_file_is_told(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=words):
        list(read_lines(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("a.txt", b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n", [b"one", b"\xef\xbb\xbftwo"]),
        ("a.txt", b"one\0two\rthree\r\n", [b"one\0two\rthree"]),
        ("a.txt.gz", gzip.compress(b"one\ntw") + gzip.compress(b"o\n"), [b"one", b"two"]),
        ("a.txt.gz", gzip.compress(b"one\n") + bytes(512), [b"one"]),
    ],
)
def test_odd_files_that_are_text(
    tmp_path: Path, name: str, content: bytes, lines: list[bytes]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert list(read_lines(tmp_path / name)) == lines


def test_a_line_without_an_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_lines, "MOST_LINE", 1 << 16)
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\n" + bytes(1 << 25)))
    tracemalloc.start()
    try:
        with pytest.raises(CorpusError, match="line 2 has more than 65,536 bytes"):
            list(read_lines(path))
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()
