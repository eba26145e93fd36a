"""Lines of inputs: counted, found again, and each a text or the reason why not."""

from __future__ import annotations

import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.batch.job import lines as lines_module
from clearhead.batch.job.lines import LONGEST_LINE, Line, lines_from, survey, text_of
from clearhead.errors import CorpusError, TextError


def line(content):
    return Line(content, len(content), hashlib.sha256(content).digest())


@given(content=st.lists(st.sampled_from([b"", b"a", b"bc\r", b"\xff"])), ending=st.booleans())
def test_lines_are_those_between_breaks_wherever_one_begins(content, ending, tmp_path_factory):
    path = tmp_path_factory.mktemp("s") / "in.txt.gz"
    text = b"\n".join(content) + (b"\n" if ending and content else b"")
    path.write_bytes(gzip.compress(text))
    expected = text.split(b"\n")
    if not expected[-1]:
        expected.pop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "MARK_EVERY", 2)
        patch.setattr(lines_module, "_READ", 3)
        result = survey(path)
        assert result.lines == len(expected)
        for first in range(len(expected)):
            rest = lines_from(result, first, len(expected) - first)
            assert [one.content for one in rest] == expected[first:]


def test_a_line_that_is_too_long_is_told_and_the_next_one_is_read(tmp_path):
    path = tmp_path / "in.txt"
    long_line = b"x" * (LONGEST_LINE + 1)
    path.write_bytes(b"one\n" + long_line + b"\nthree\n" + long_line)
    one, two, three, four = lines_from(survey(path), 0, 4)
    assert (one.content, three.content) == (b"one", b"three")
    for each in (two, four):
        assert (each.content, each.length) == (b"", len(long_line))
        assert each.digest == hashlib.sha256(long_line).digest()
        with pytest.raises(TextError, match="it has 4,000,001 bytes; 4,000,000 are taken at most"):
            text_of(each, 2, None)


def test_a_column_of_a_line_is_its_text():
    assert text_of(line(b"\xef\xbb\xbfone\ttwo\r"), 1, None) == "one\ttwo"
    assert text_of(line(b"\xef\xbb\xbfone"), 2, None) == "\ufeffone"
    assert text_of(line(b"one\ttwo\r"), 1, 2) == "two"
    assert text_of(line(b"\xff\t\xc3\xa9"), 5, 2) == "é"
    for content, column, words in [
        (b"one", 2, "it has no column 2; it has 1$"),
        (b"a\tb\xff", 2, "it is not valid UTF-8: byte 2 is 0xff$"),
        (b"x" * 1_000_001, None, "1,000,000 characters; this one has 1,000,001"),
    ]:
        with pytest.raises(TextError, match=words):
            text_of(line(content), 1, column)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.gz", gzip.compress(b"text\n" * 99)[:-9], "compressed data are cut off"),
        ("a.gz", b"plain text", "it is no gzip file, or a damaged one"),
        (
            "a.gz",
            gzip.compress(b"text\n" * 9)[:10] + b"\xff" * 30,
            "its compressed data are damaged",
        ),
    ],
)
def test_an_archive_that_is_damaged_is_refused_before_anything_is_translated(
    tmp_path, name, content, words
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=f"{name} cannot be read to its end.*{words}"):
        survey(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="nowhere cannot be read: No such file"):
        survey(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="is no file"):
        survey(tmp_path)
