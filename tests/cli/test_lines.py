"""Lines come through whole, however the bytes arrive."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.cli import lines as lines_module
from clearhead.cli.lines import Progress, check_arguments, read_texts
from clearhead.errors import TextError


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at each read, as a pipe may."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self.size = size

    def read1(self, most: int = -1) -> bytes:
        return self.read(self.size)


@given(
    st.lists(st.text("aé😀\r\u2028 ", max_size=6), max_size=12),
    st.integers(1, 9),
    st.integers(1, 5),
    st.booleans(),
)
def test_every_line_once_in_order(texts, size, count, ended):
    content = "\n".join(texts) + ("\n" if ended else "")
    chunks = list(read_texts(Trickle(content.encode(), size), count))
    expected = content.removesuffix("\n").split("\n") if content else []
    lines = [text for chunk in chunks for text in chunk]
    assert lines == [line.removesuffix("\r") for line in expected]
    assert all(0 < len(chunk) <= count for chunk in chunks)


def test_a_byte_order_mark_is_dropped_at_the_start_alone():
    content = b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n"
    (chunk,) = read_texts(io.BytesIO(content), 9)
    assert chunk == ["one", "\ufefftwo"]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(lines_module, "_LONGEST_LINE", 1000)
    stream = Trickle(b"short\n" + b"x" * 1_000_000, 100)
    chunks = read_texts(stream, 9)
    assert next(chunks)[0] == "short"
    with pytest.raises(TextError, match="Line 2 is longer than 1,000 bytes"):
        next(chunks)
    assert stream.tell() < 2000


def test_text_that_is_too_long_names_its_line():
    with pytest.raises(TextError, match="Line 2: A text may have 1,000,000 characters"):
        list(read_texts(io.BytesIO(b"a\n" + b"b" * 1_000_001), 1))


def test_progress_is_shown_on_a_terminal_alone(capsys):
    for is_visible in (False, True):
        progress = Progress(is_visible=is_visible)
        progress.last -= 1
        progress.advance(1200)
        progress.close()
        errors = capsys.readouterr().err
        assert ("1,200 lines" in errors) is is_visible
    assert not Progress.of(io.BytesIO(), quiet=True).is_visible


def test_an_argument_that_is_no_text_is_refused_with_its_number():
    assert check_arguments(["a cat", ""]) == ["a cat", ""]
    with pytest.raises(TextError, match=r"Argument 2: The text holds a lone surrogate \(U\+DCFF\)"):
        check_arguments(["a cat", "bad \udcff"])


def test_the_time_that_is_left_follows_from_the_place_in_the_file(tmp_path, monkeypatch, capsys):
    path = tmp_path / "in.txt"
    path.write_bytes(b"a line\n" * 400)
    now = [0.0]
    monkeypatch.setattr(lines_module.time, "monotonic", lambda: now[0])
    with path.open("rb", buffering=0) as stream:
        progress = Progress(is_visible=True, stream=stream)
        # Half of the file is read, and half of that is translated: a quarter in 100 s.
        list(progress.count([["a line"] * 200]))
        stream.seek(1400)
        now[0] = 100.0
        progress.advance(100)
        assert "100 lines, 1.0 a second, 5 min 00 s left" in capsys.readouterr().err
        now[0] = 200.0
        progress.show(2, 30)
        now[0] = 201.0
        progress.show(1, 70)
        assert "200 lines, 1.0 a second, 3 min 21 s left" in capsys.readouterr().err
        now[0] = 300.0
        progress.advance(70)  # of window 1
        assert "200 lines, 0.7 a second, 5 min 00 s left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_times_are_told_as_people_tell_them(seconds, text):
    assert lines_module._duration(seconds) == text
