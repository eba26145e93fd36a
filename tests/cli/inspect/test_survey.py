"""`clearhead inspect --input` in processes of its own: shards, kills, and what it refuses."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("matplotlib")

from clearhead.cli.inspect.command import command

LINES = ["1\thello world again", "2\tthe street", "3", "4\tla rue la rue", "5\t" + "a b c d " * 30]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.tsv.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode()))
    return path


def run(model, source, folder, *arguments, status=0):
    result = CliRunner(env={"COLUMNS": "90"}).invoke(
        command,
        [model, "--input", str(source), "--column", "2", "--table", "csv", "--output", str(folder),
         *arguments],
    )  # fmt: skip
    if result.exception and not isinstance(result.exception, SystemExit):
        assert status != 0, result.exception
        return str(result.exception)
    assert result.exit_code == status, result.output
    return result.output


def results(folder):
    return {name: (folder / name).read_bytes() for name in ("heads.json", "heads.csv", "heads.png")}


def test_a_page_and_files_and_the_same_from_shards(folder, source, tmp_path):
    page = run(folder("gpt2"), source, tmp_path / "whole")
    assert "3 texts, " in page
    assert "2 lines rejected" in page
    assert "clearhead: 2 of 5 lines were rejected, and are in no number" in page
    assert "Self-attention of 4 heads, computed by sdpa" in page
    for title in ("kinds of heads  ", "entropy  ", "sink  ", "distance  "):
        assert f"\n{title}" in page
    content = json.loads((tmp_path / "whole" / "heads.json").read_text("utf-8"))
    mean = next(
        one["measures"]["entropy"]["mean"]
        for one in content["heads"]
        if (one["layer"], one["head"]) == ("1", 0)
    )
    table = page.partition("entropy  ")[2].splitlines()
    assert f"{mean:.2f}" in table[3].split()[1]
    manifest = json.loads((tmp_path / "whole" / "manifest.json").read_text("utf-8"))
    assert {one["name"] for one in manifest["results"]} == set(results(tmp_path / "whole"))
    words = run(folder("gpt2"), source, tmp_path / "parts", "--shard", "2/2")
    assert "1 of 2 parts are complete. The last one writes what all of them show." in words
    run(folder("gpt2"), source, tmp_path / "parts", "--shard", "1/2", "--quiet")
    assert results(tmp_path / "parts") == results(tmp_path / "whole")
    again = run(folder("gpt2"), source, tmp_path / "whole", status=2)
    assert "Part 1 is begun or done" in again
    run(folder("gpt2"), source, tmp_path / "whole", "--resume")
    changed = run(folder("bert"), source, tmp_path / "whole", "--resume", status=1)
    assert 'settings.model.sha256 was "' in changed


def test_an_encoder_decoder_reads_pairs_or_what_it_writes(folder, tmp_path):
    source = tmp_path / "in.tsv"
    source.write_text("x\tthe street\tla rue\nx\thello\tworld\n")
    options = ("--picture", "none")
    pairs = run(folder("t5"), source, tmp_path / "pairs", "--target-column", "3", *options)
    assert "Cross-attention of 4 heads" in pairs
    assert "the beginning of what the model" not in pairs
    alone = run(folder("t5"), source, tmp_path / "alone", *options)
    assert "the beginning of what the model writes, at most 128 tokens" in alone
    words = run(folder("gpt2"), source, tmp_path / "no", "--target-column", "3", *options, status=1)
    assert "Targets are for models with an encoder and a decoder" in words


def test_without_a_good_line_it_says_so(folder, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("\n\n")
    page = run(folder("gpt2"), source, tmp_path / "out")
    assert "No text was read: all 2 lines were rejected. There is no head in the files" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "Give one text with --text, or a corpus with --input"),
     (["--text", "a", "--resume"], "--resume goes with --input"),
     (["--text", "a", "--table", "csv"], "--table goes with --input"),
     (["--input", "x", "--output", "o", "--heads"], "--heads is about one text"),
     (["--input", "x", "--output", "o", "--text", "a"], "--text is about one text"),
     (["--input", "x"], "give --input FILES and --output DIR"),
     (["--input", "-", "--output", "o"], "A survey reads files"),
     (["--input", "x", "--output", "o", "--workers", "2"], "--workers goes with --engine ray"),
     (["--input", "x", "--output", "o", "--shard", "1/2", "--lines-per-part", "9"],
      "--lines-per-part goes with all parts"),
     (["--input", "x", "--output", "o", "--shard", "1/2", "--engine", "ray"], "Give one"),
     (["--input", "x", "--output", "o", "--shard", "3/2"], "is no shard such as 2/8")],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(arguments, words):
    result = CliRunner().invoke(command, ["model", *arguments])
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_columns_and_gpus_of_ray_are_asked_for(folder, source, tmp_path):
    words = run(folder("gpt2"), source, tmp_path, "--engine", "ray", "--device", "cuda", status=2)
    assert "--engine ray reads on cores, not on cuda" in " ".join(words.split())
    result = CliRunner().invoke(
        command, [folder("gpt2"), "--input", str(source), "--output", str(tmp_path / "o")]
    )
    assert "has columns with tabs between them" in result.output


PROGRAM = """
import sys
from clearhead.batch.job import part
from clearhead.cli.inspect import command

part.WINDOW = 5  # lines that reach the disk together
command(sys.argv[1:])
"""


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(folder, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("".join(f"the\tstreet {n} hello world\n" for n in range(300)))
    parts = ("--lines-per-part", "200")
    run(folder("gpt2"), source, tmp_path / "whole", *parts)
    arguments = [folder("gpt2"), "--input", str(source), "--column", "2", "--table", "csv", *parts]
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments, "--output", str(killed)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        journal = killed / ".part-00001-of-00002.journal"
        while process.poll() is None and not (
            journal.exists() and b"sha256" in journal.read_bytes()
        ):
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert journal.exists()
    assert not (killed / "part-00001-of-00002.json").exists()
    run(folder("gpt2"), source, killed, *parts, "--resume")
    names = {path.name for path in killed.iterdir()}
    assert names == {path.name for path in (tmp_path / "whole").iterdir()}
    for name in names:
        assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
