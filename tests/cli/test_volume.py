"""Windows of lines, in order, from files and slow pipes; and the engine that is told of."""

from __future__ import annotations

import io
import itertools
import os
import signal
import subprocess
import threading
import time

import pytest

from clearhead.cli import volume
from clearhead.cli.volume import EngineForLines, ahead, amount_of_text, windows
from clearhead.errors import TextError
from clearhead.translation.translator import Translator
from clearhead.volume.choice import EngineChoice
from tests.cli.test_translate import COMMAND, environment


@pytest.mark.parametrize(("most", "sizes"), [(3, [3, 3, 1]), (2, [2, 2, 2, 1]), (9, [7])])
def test_chunks_are_gathered_and_cut(most, sizes):
    chunks = [["a"], ["b", "c", "d", "e"], ["f", "g"]]
    parts = list(windows(chunks, io.BytesIO(), lambda: most))
    assert [len(part) for part in parts] == sizes
    assert [text for part in parts for text in part] == list("abcdefg")


def test_an_error_comes_after_the_lines_before_it():
    def chunks():
        yield ["a"]
        yield ["b"]
        raise TextError("Line 3")

    parts = windows(chunks(), None, lambda: 9)
    assert next(parts) == ["a", "b"]
    with pytest.raises(TextError, match="Line 3"):
        next(parts)


def test_a_slow_pipe_is_answered_line_by_line():
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as stream, open(writing, "wb", buffering=0) as sender:

        def chunks():
            while content := stream.read(64):
                yield content.decode().split()

        parts = windows(chunks(), stream, lambda: 9)
        sender.write(b"one two ")
        assert next(parts) == ["one", "two"]
        sender.write(b"three ")
        assert next(parts) == ["three"]


def test_results_come_in_order_and_two_are_at_work():
    started, second = [], threading.Event()

    def work(number):
        started.append(number)
        if number == 0:
            assert second.wait(10), "the second did not begin before the first had ended"
        if number == 1:
            second.set()
        return number

    assert list(ahead(work, range(5), 2)) == [0, 1, 2, 3, 4]
    assert sorted(started) == [0, 1, 2, 3, 4]


def test_one_at_a_time_reads_no_further():
    read = []

    def inputs():
        for number in range(3):
            read.append(number)
            yield number

    results = ahead(lambda number: number, inputs(), 1)
    assert next(results) == 0
    assert read == [0]


def test_an_error_in_a_window_ends_the_rest_at_once():
    def work(number):
        if number == 0:
            raise TextError("no")
        time.sleep(0.01)

    with pytest.raises(TextError):
        list(ahead(work, range(100), 2))


def test_the_amount_of_a_file_is_its_size(tmp_path):
    path = tmp_path / "in.txt"
    path.write_bytes(b"x" * 90)
    with path.open("rb") as stream:
        assert amount_of_text(stream, "in.txt") == 90
        assert amount_of_text(stream, "in.txt.gz") == 270
    assert amount_of_text(io.BytesIO(b"abc"), "standard input") is None


class Chooser:
    """Stands where a translator would; from ten characters on it chooses another engine."""

    def choose_engine(self, engine, compute, *, characters, **settings):
        if engine == "auto" and characters < 10:
            return EngineChoice("numpy", "float32", volume.FEW_TEXTS)
        return EngineChoice("ctranslate2" if engine == "auto" else engine, compute, "many texts")


def engine_for(characters, engine="auto", quiet=False):
    options = {"engine": engine, "compute": "float32", "quiet": quiet}
    return EngineForLines(Chooser(), options, {}, characters)


def test_a_file_decides_by_its_size(capsys):
    assert engine_for(5).call(["many letters in this"])["engine"] == "numpy"
    assert capsys.readouterr().err == ""
    engine = engine_for(50)
    assert (engine.has_workers, engine.lines) == (True, volume.LINES)
    assert engine.call(["a"]) == {"engine": "ctranslate2", "compute": "float32"}
    assert capsys.readouterr().err == "clearhead: engine ctranslate2, float32 (many texts)\n"


def test_a_pipe_decides_by_what_has_come(capsys):
    engine = engine_for(None)
    assert [engine.call(["four"])["engine"] for _ in range(4)] == ["numpy"] * 2 + [
        "ctranslate2"
    ] * 2
    assert capsys.readouterr().err.count("clearhead: engine ctranslate2") == 1


def test_who_was_asked_for_is_told_unless_quiet(capsys):
    engine = engine_for(None, "numpy")
    assert (engine.has_workers, engine.lines) == (False, 512)
    assert "engine numpy" in capsys.readouterr().err
    engine_for(None, "numpy", quiet=True)
    assert capsys.readouterr().err == ""


def test_the_command_translates_a_file_by_another_engine(model, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from click.testing import CliRunner

    from clearhead.cli.translate import command

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lines = ["the old house", "", "  12 la maison 😀", "the old house", "12:30"]
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("\n".join(lines))
    monkeypatch.setattr(volume, "LINES", 2)
    arguments = ["-m", model, "-i", str(source), "-o", str(target), "--max-length", "6"]
    result = CliRunner().invoke(command, [*arguments, "--engine", "torch"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "clearhead: engine torch, float32 (as you asked)\n" in result.output
    translator = Translator.load(model)
    expected = [one.text for one in translator.translate(lines, max_length=6)]
    assert target.read_text().splitlines() == expected


def test_an_interrupt_ends_at_once_and_leaves_whole_lines(model, tmp_path):
    pytest.importorskip("ctranslate2")
    # A window that is ready in no time, and one that takes a minute.
    words = ("".join(letters) for letters in itertools.product("abcdefghij", repeat=4))
    lines = ["12:30"] * volume.LINES + [f"the old house {word}" for word in words]
    source = tmp_path / "in.txt"
    source.write_text("\n".join(lines))
    process = subprocess.Popen(
        [*COMMAND, "--model", model, "--engine", "ctranslate2", "-i", str(source)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment(), "XDG_CACHE_HOME": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    first = process.stdout.readline()
    assert first == b"12:30\n"
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    # It may come while the second line is still to be written.
    output, errors = first + process.stdout.read(), process.stderr.read()
    process.wait(timeout=30)
    assert time.monotonic() - start < 20
    assert process.returncode == 130
    assert errors.startswith(b"clearhead: engine ctranslate2, float32 (as you asked; it stops at 6")
    assert errors.count(b"\n") == 1
    assert output.endswith(b"12:30\n")
    assert set(output.split()) == {b"12:30"}
