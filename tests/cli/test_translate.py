"""`clearhead translate` in a process of its own, as it is used."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clearhead.cli.translate import command
from clearhead.search.settings import SearchSettings

SOURCE = Path(__file__).parents[2] / "src"
COMMAND = [sys.executable, "-m", "clearhead", "translate"]


def environment():
    paths = [str(SOURCE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "LC_ALL": "C"}


def translate(model, *arguments, stdin=b""):
    return subprocess.run(
        [*COMMAND, "--model", model, "--max-length", "6", *arguments],
        input=stdin,
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )


def test_arguments_files_and_standard_input_agree(model, tmp_path):
    lines = "the old house\n\n  été 12 😀\r\n12:30\nla maison".encode()
    plain, archive = tmp_path / "in.txt", tmp_path / "in.gz"
    plain.write_bytes(lines)
    archive.write_bytes(gzip.compress(lines))
    piped = translate(model, stdin=lines)
    assert (piped.returncode, piped.stderr) == (0, b"")
    translated = piped.stdout.decode().split("\n")
    assert len(translated) == 6
    assert translated[1] == ""
    assert translated[2].startswith("  ")
    assert translated[2].endswith("12 😀")
    assert translated[3] == "12:30"
    output = tmp_path / "out.txt"
    for source in (plain, archive):
        assert translate(model, "-i", str(source), "-o", str(output)).stdout == b""
        assert output.read_bytes() == piped.stdout
    from_arguments = translate(model, "the old house", "", "  été 12 😀", "12:30", "la maison")
    assert from_arguments.stdout == piped.stdout


def test_json_scores_n_best_and_alignments(model):
    text = "the old house"
    (record,) = map(
        json.loads, translate(model, "--json", "--alignments", text).stdout.splitlines()
    )
    assert record["source"] == text
    assert len(record["alignment"]) == len(record["tokens"])
    assert len(record["alignment"][0]) == len(record["source_tokens"])
    score, translated, pairs = (
        translate(model, "--scores", "--alignments", text).stdout.decode()[:-1].split("\t")
    )
    assert float(score) == pytest.approx(record["score"], abs=1e-3)
    assert translated == record["text"]
    expected = [row.index(max(row)) for row in record["alignment"]]
    assert [int(pair.split("-")[0]) for pair in pairs.split()] == expected
    best = translate(model, "--n-best", "3", "--scores", text).stdout.decode().splitlines()
    columns = [line.split("\t") for line in best]
    assert [column[0] for column in columns] == ["1", "1", "1"]
    assert len({column[2] for column in columns}) == 3
    assert columns[0][2] == translated


def test_every_setting_of_the_search_is_an_option():
    options = {parameter.name for parameter in command.params}
    assert {field.name for field in dataclasses.fields(SearchSettings)} <= options


def test_sentences_may_be_left_as_they_are_typed(model):
    def read(*arguments):
        record = json.loads(translate(model, "--json", *arguments, "the <b>old</b> house").stdout)
        return [
            (s.get("read"), [rule["rule"] for rule in s.get("rules", [])])
            for s in record["segments"]
        ]

    assert read() == [("the old house", ["marks"])]
    assert set(map(str, read("--no-adapt"))) == {"(None, [])"}


@pytest.mark.parametrize(
    ("arguments", "stdin", "message", "status"),
    [
        ([], b"good\nbad \xff line\n", "Line 2 is not valid UTF-8: byte 5 of the line is 0xff", 2),
        ([b"bad \xff"], b"", "Argument 1: The text holds a lone surrogate (U+DCFF)", 2),
        (["-i", "nowhere.txt"], b"", "Cannot read nowhere.txt: No such file", 1),
        (["-o", "nowhere/x", "a"], b"", "nowhere/x: No such file or directory.", 1),
        (["-i", "x", "text"], b"", "Give texts or --input, not both.", 2),
        (["--model", "klingon", "text"], b"", "There is no model 'klingon'", 2),
        (["--beam-size", "0", "text"], b"", "beam_size must be at least 1; it is 0.", 2),
        (["--threads", "0", "text"], b"", "0 is not in the range x>=1", 2),
    ],
)
def test_errors_are_one_message_and_a_status(model, arguments, stdin, message, status):
    process = translate(model, *arguments, stdin=stdin)
    assert message in process.stderr.decode()
    assert "Traceback" not in process.stderr.decode()
    assert process.returncode == status


def test_lines_before_a_bad_one_are_translated(model):
    process = translate(model, stdin=b"12\n13\n\xff\n14\n")
    assert process.stdout == b"12\n13\n"


def start(model):
    return subprocess.Popen(
        [*COMMAND, "--model", model, "--max-length", "6"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        # Where the tests run in the background, an interrupt is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_each_line_is_answered_while_the_input_stays_open(model):
    process = start(model)
    for number in (b"1", b"22", b"333"):
        process.stdin.write(number + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == number + b"\n"
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, b"")


def test_an_interrupt_is_quiet(model):
    process = start(model)
    process.stdin.write(b"1\n")
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"")


def test_a_reader_that_leaves_is_no_error_message(model):
    process = start(model)
    process.stdout.close()
    try:
        process.stdin.write(b"1\n" * 100_000)
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.stderr.read() == b""
    process.wait(timeout=30)


def test_memory_does_not_grow_with_the_input(model):
    def peak(lines):
        code = (
            f"import sys, resource; sys.path.insert(0, {str(SOURCE)!r});"
            f"sys.argv = ['clearhead', 'translate', '--model', {model!r}];"
            "from clearhead.cli.main import cli; cli(standalone_mode=False);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        process = subprocess.run(
            [sys.executable, "-c", code],
            input=b"12:30 12:30 12:30 12:30\n" * lines,
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert process.stdout.count(b"\n") == lines
        return int(process.stderr)

    assert peak(60_000) - peak(2_000) < 12_000  # kilobytes; the lines alone are 1.4 MB


def test_a_file_given_as_a_text_is_told(model, tmp_path):
    (tmp_path / "lines.en").write_text("the old house\nthe river\n")
    name = str(tmp_path / "lines.en")
    run = translate(model, name, "the river")
    assert len(run.stdout.splitlines()) == 2
    assert run.stderr.decode() == (
        f"clearhead: {name!r} was translated as a text. To translate the lines of the file of "
        f"that name: --input {name}\n"
    )
    assert translate(model, "a" * 5000, "the river").stderr == b""


def in_direction(folder, *arguments):
    """Translate with the models of one folder, and none of the person's own."""
    return subprocess.run(
        [*COMMAND, "--max-length", "6", *arguments, "la maison"],
        capture_output=True,
        env={**environment(), "CLEARHEAD_MODELS": str(folder), "XDG_DATA_HOME": str(folder / "-")},
        timeout=60,
        check=False,
    )


def test_a_direction_names_its_model(model, tmp_path):
    """The model's folder among others, as a person keeps models that they have trained."""
    folder = tmp_path / "back"
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    config["languages"] = {"source": "fr", "target": "de"}
    (folder / "config.json").write_text(json.dumps(config))
    expected = in_direction(tmp_path, "--model", str(folder))
    assert (expected.returncode, expected.stderr) == (0, b"")
    assert in_direction(tmp_path, "--from", "fr", "--to", "de").stdout == expected.stdout
    refused = in_direction(tmp_path, "--to", "xx", "--from", "fr")
    assert refused.returncode == 2
    assert b"There is no model that translates from fr to xx. There are: back (fr-de)" in (
        refused.stderr
    )
    assert b"clearhead train configs/fr-xx.toml" in refused.stderr
    other = in_direction(tmp_path, "--model", "back", "--to", "en")
    assert b"back translates from fr to de. Leave one of the two out." in other.stderr
