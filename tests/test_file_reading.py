"""Whatever stands in a file, reading it gives the content or one error of one line."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.file_reading import (
    DEEPEST,
    FileProblem,
    open_file,
    parse_json,
    parse_toml,
    read_bytes,
    read_json,
    read_text,
    read_toml,
)
from tests.processor_time import at_most_processor_seconds
from tests.strangers import pipe


def reason_of(function, *arguments, **options):
    with pytest.raises(FileProblem) as error_info:
        function(*arguments, **options)
    assert "\n" not in str(error_info.value)
    return error_info.value.reason


READERS = (open_file, read_bytes, read_text, read_json, read_toml)


@pytest.mark.parametrize("read", READERS)
class TestWhatIsNoFile:
    def test_nothing(self, read, tmp_path):
        with pytest.raises(
            FileProblem, match=r"Cannot read .*absent: there is no such file\.$"
        ) as e:
            read(tmp_path / "absent")
        assert e.value.missing

    def test_a_file_where_a_folder_should_be(self, read, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(FileProblem, match="no such file") as error:
            read(tmp_path / "file" / "inside")
        assert error.value.missing

    def test_a_folder(self, read, tmp_path):
        with pytest.raises(FileProblem, match=r": it is a folder, not a file\.$") as error:
            read(tmp_path)
        assert not error.value.missing

    def test_a_pipe(self, read, tmp_path):
        with pipe(tmp_path / "pipe") as path:
            assert reason_of(read, path) == "it is a pipe, not a file"

    def test_a_link_to_a_pipe(self, read, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "pipe")
        with pipe(tmp_path / "pipe"):
            assert reason_of(read, tmp_path / "link") == "it is a pipe, not a file"

    def test_devices(self, read):
        for name in ("/dev/zero", "/dev/null", "/dev/tty"):
            if os.path.exists(name):
                assert reason_of(read, name) == "it is a device, not a file"

    def test_a_socket(self, read, tmp_path):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            assert reason_of(read, tmp_path / "s") == "it is a socket, not a file"

    def test_a_link_to_itself(self, read, tmp_path):
        (tmp_path / "round").symlink_to(tmp_path / "round")
        assert "symbolic links" in reason_of(read, tmp_path / "round")

    def test_names_that_no_file_has(self, read):
        assert reason_of(read, "a\0b") == "no file can have this name"
        assert "name too long" in reason_of(read, "a" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "secret").write_text("")
    (tmp_path / "secret").chmod(0)
    assert reason_of(read_bytes, tmp_path / "secret") == "reading it is not permitted"


def test_a_name_with_escapes_is_shown_without_them(tmp_path):
    with pytest.raises(FileProblem) as error:
        read_json(tmp_path / "\x1b[2J")
    assert "\x1b" not in str(error.value)
    assert r"\x1b[2J" in str(error.value)


def test_what_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x00\xff")
    assert read_bytes(path) == b"\x00\xff"
    with open_file(path) as file:
        assert file.read() == b"\x00\xff"
    path.write_text("où\n", encoding="utf-8")
    assert read_text(path) == "où\n"


def test_a_file_of_the_largest_size_is_read_and_no_larger_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, most=5) == b"12345"
    for read in (read_bytes, read_text, read_json, read_toml):
        assert reason_of(read, path, most=4) == "it is larger than 4 bytes"


def test_a_huge_file_takes_no_memory(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1 << 40)
    assert "larger than" in reason_of(read_json, tmp_path / "file")


@pytest.mark.parametrize("read", [read_text, read_json, read_toml])
def test_what_is_not_utf8(read, tmp_path):
    (tmp_path / "file").write_bytes(b'{"a": "caf\xe9"}')
    assert reason_of(read, tmp_path / "file") == "it is not UTF-8: byte 11 is 0xe9"


def test_a_byte_order_mark_is_dropped(tmp_path):
    (tmp_path / "json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    (tmp_path / "toml").write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert read_json(tmp_path / "json") == read_toml(tmp_path / "toml") == {"a": 1}
    assert parse_json("\ufeff[]") == []
    assert parse_toml("\ufeffa = 1") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"it is not valid JSON: Expecting value \(line 1, column 1\)"),
        ('{\n"a": }', r"it is not valid JSON: Expecting value \(line 2, column 6\)"),
        ('{"a": 1, "b": 2, "a": 3}', "it has the key 'a' twice"),
        ('[{"\\u001b": 1, "\\u001b": 2}]', r"it has the key '\\x1b' twice"),
        ("NaN", "it holds NaN, which is no number in JSON"),
        ("[-Infinity]", "it holds -Infinity"),
        ("1e999", "it holds '1e999', which is larger than any number"),
        ("9" * 5000, "it is not valid JSON: a number has too many digits"),
        ('"\\ud800"', r"it holds half a character, in '\\ud800'"),
        ('{"\\udfff": 1}', r"it holds half a character, in '\\udfff'"),
        ('"\x1b"', "it is not valid JSON: Invalid control character"),
    ],
)
def test_what_is_no_json(text, reason, tmp_path):
    with pytest.raises(FileProblem, match=f"^{reason}"):
        parse_json(text)
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(FileProblem, match=rf"^Cannot read .*f\.json: {reason}"):
        read_json(tmp_path / "f.json")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '[{"a":' * 50_000])
def test_deep_json(text):
    assert reason_of(parse_json, text) == f"it is nested more than {DEEPEST} levels deep"


def test_how_deep_json_may_be():
    parse_json("[" * DEEPEST + "]" * DEEPEST)
    parse_json('{"a":' * DEEPEST + "1" + "}" * DEEPEST)
    for start, end in (("[", "]"), ('{"a":', "}")):
        text = start * (DEEPEST + 1) + "1" + end * (DEEPEST + 1)
        assert "levels deep" in reason_of(parse_json, text)


def test_whole_pairs_of_halves_are_a_character():
    assert parse_json('"\\ud83d\\ude00"') == "😀"


def test_not_finite_numbers_where_they_are_asked_for():
    assert parse_json("[NaN, Infinity, 1e999]", finite=False)[1:] == [float("inf")] * 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)  # fmt: skip
def test_what_json_writes_is_read(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary() | st.text(alphabet='{}[]",:0123eE-+.\\u truefalsnNI\x00é').map(str.encode))
def test_bytes_give_a_value_or_one_error(content):
    with contextlib.suppress(FileProblem):
        value = parse_json(content)
        assert json.loads(content.removeprefix(b"\xef\xbb\xbf")) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[data", "it is not valid TOML: "),
        ("a = 1\na = 2", "it is not valid TOML: Cannot overwrite a value"),
        ("a = " + "9" * 5000, "it is not valid TOML: a number has too many digits"),
        ("a = " + "[" * 100_000, f"it is nested more than {DEEPEST} levels"),
        ("a = " + "{a=" * 100_000, f"it is nested more than {DEEPEST} levels"),
        ("a." * DEEPEST + "a = 1", f"it is nested more than {DEEPEST} levels"),
        ("[" + "a . " * DEEPEST + "a]", f"it is nested more than {DEEPEST} levels"),
        ('"\\"x y".' * DEEPEST + "a = 1", f"it is nested more than {DEEPEST} levels"),
        ("'a.b'." * DEEPEST + "a = 1", f"it is nested more than {DEEPEST} levels"),
    ],
)
def test_what_is_no_toml(text, reason, tmp_path):
    with pytest.raises(FileProblem, match=f"^{reason}"):
        parse_toml(text)
    (tmp_path / "f.toml").write_text(text)
    with pytest.raises(FileProblem, match=rf"^Cannot read .*f\.toml: {reason}"):
        read_toml(tmp_path / "f.toml")


@pytest.mark.parametrize(
    "text",
    [
        "a." * 200_000 + "a = 1",
        '"\\"".' * 100_000 + "a = 1",
        "'' . " * 100_000 + "a = 1",
        "a" * 400_000,
        "a." * 60 + "\n" + "b" * 400_000,
        '"' * 399_999,
        "'" * 399_999,
        "a = '" + "x." * 200_000 + "'",
        "# " + "'x" * 200_000,
    ],
)
def test_no_key_takes_long(text):
    with at_most_processor_seconds(8), contextlib.suppress(FileProblem):
        parse_toml(text)


def test_toml_is_read():
    text = 'a.b = [1, {c = "x.y"}]\n[t]\nd = 2.5 # a.b.c.d\n'
    assert parse_toml(text) == tomllib.loads(text)
