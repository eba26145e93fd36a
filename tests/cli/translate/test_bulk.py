"""`clearhead translate --shard` in processes of its own, and what it refuses."""

from __future__ import annotations

import gzip
import importlib.util
import json
import shutil

import pytest

from tests.cli.test_translate import translate

LINES = [b"the old house", b"", b"bad \xff", b"la maison", b"the river", b"12:30", b"the house"]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.txt"
    path.write_bytes(b"\n".join(LINES) + b"\n")
    return path


def run(model, source, folder, *arguments):
    process = translate(model, "--input", str(source), "--output", str(folder), *arguments)
    return process.returncode, process.stderr.decode()


def test_shards_are_the_lines_of_one_file_whatever_their_number(model, source, tmp_path):
    outputs = []
    for count in (1, 3):
        folder = tmp_path / str(count)
        for number in range(count, 0, -1):
            status, words = run(model, source, folder, "--shard", f"{number}/{count}", "--resume")
            assert status == 0, words
        parts = sorted(folder.glob("part-*.txt"))
        assert parts[0].name == f"part-00001-of-0000{count}.txt"
        outputs.append(b"".join(part.read_bytes() for part in parts))
    assert "2 of 3 lines" not in words
    assert outputs[0] == outputs[1]
    good = [line for line in LINES if b"\xff" not in line]
    plain = translate(model, stdin=b"\n".join(good)).stdout.split(b"\n")[:-1]
    plain.insert(2, b"")
    assert outputs[0] == b"\n".join(plain) + b"\n"
    manifest = json.loads((tmp_path / "3" / "manifest.json").read_text("utf-8"))
    assert (manifest["lines"], manifest["rejects"]) == (7, 1)
    assert manifest["settings"]["engine"] == "numpy"
    assert [part["lines"] for part in manifest["parts"]] == [2, 2, 3]
    (reject,) = map(json.loads, (tmp_path / "3").glob("*.rejects.jsonl").__next__().open())
    assert (reject["file"], reject["line"]) == ("in.txt", 3)


def test_a_column_of_packed_files_and_rejects_that_are_counted(model, source, tmp_path):
    for name, lines in [("b", ["1\tthe river", "2"]), ("a", ["1\tthe old house"])]:
        content = "\n".join(lines).encode()
        (tmp_path / f"{name}.tsv.gz").write_bytes(gzip.compress(content))
    folder, pattern = tmp_path / "out", tmp_path / "*.tsv.gz"
    status, words = run(model, pattern, folder, "--shard", "1/1")
    assert (status, "a.tsv.gz has columns with tabs between them: name" in words) == (2, True)
    status, words = run(model, pattern, folder, "--shard", "1/1", "--column", "2", "--quiet")
    assert status == 0
    assert "1 of 3 lines were rejected, and are empty in the output" in words
    lines = (folder / "part-00001-of-00001.txt").read_bytes().split(b"\n")
    expected = translate(model, "the old house", "the river").stdout.split(b"\n")
    assert lines == [*expected[:2], b"", b""]


def test_what_is_begun_is_gone_on_with_when_one_says_so_and_is_the_same_job(
    model, source, tmp_path
):
    folder = tmp_path / "out"
    assert run(model, source, folder, "--shard", "1/2")[0] == 0
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    for arguments, status, words in [
        (["--shard", "1/2"], 2, "Part 1 is begun or done in"),
        (["--shard", "1/3", "--resume"], 2, "parts.count was 2 and is 3"),
        (["--shard", "1/2", "--resume", "--beam-size", "2"], 2, "beam_size"),
        (["--shard", "1/2", "--resume"], 0, "none rejected"),
    ]:
        answer = run(model, source, folder, *arguments)
        assert answer[0] == status, answer[1]
        assert words in answer[1] or (status == 0 and "were rejected" in answer[1])
    for name, time in before.items():
        if name.startswith("part-"):
            assert (folder / name).stat().st_mtime_ns == time
    source.write_bytes(source.read_bytes().replace(b"old", b"new"))
    status, words = run(model, source, folder, "--shard", "2/2", "--resume")
    assert (status, "inputs[in.txt].sha256 was" in words) == (2, True)
    # The same model elsewhere is the same job; another model is another one.
    source.write_bytes(b"\n".join(LINES) + b"\n")
    other = tmp_path / "model"
    shutil.copytree(model, other)
    assert run(str(other), source, folder, "--shard", "2/2")[0] == 0
    with (other / "config.json").open("a") as file:
        file.write("\n")
    status, words = run(str(other), source, folder, "--shard", "2/2", "--resume")
    assert (status, "settings.model.sha256 was" in words) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shard", "0/3"], "'0/3' is no shard such as 2/8"),
        (["--shard", "4/3"], "'4/3' is no shard such as 2/8"),
        (["--shard", "1/3", "--engine", "ray"], "--engine ray does all. Give one."),
        (["--resume"], "--resume goes with --shard or --engine ray."),
        (["--shard", "1/3", "--workers", "2"], "--workers goes with --engine ray."),
        (["--shard", "1/3", "--n-best", "2"], "or leave --n-best"),
        (["--shard", "1/3", "--engine", "torch", "--compute", "int8"], "computes in float32 or"),
    ],
)
def test_what_does_not_go_together_is_refused(model, source, tmp_path, arguments, words):
    status, answer = run(model, source, tmp_path / "out", *arguments)
    assert status == 2
    assert words in answer
    assert "Traceback" not in answer


def test_texts_and_pipes_are_no_corpus_in_parts(model, tmp_path):
    for arguments in (["a text"], ["--input", "-"], ["--input", "x"]):
        process = translate(model, "--shard", "1/2", *arguments)
        assert process.returncode == 2
        assert b"give --input FILE and --output DIR" in process.stderr


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="pip install ray")
def test_engine_ray_has_the_bytes_of_a_shard(model, source, tmp_path):
    assert run(model, source, tmp_path / "shard", "--shard", "1/1")[0] == 0
    options = ["--engine", "ray", "--workers", "1", "--lines-per-part", "3"]
    status, words = run(model, source, tmp_path / "ray", *options)
    assert status == 0, words
    parts = sorted((tmp_path / "ray").glob("part-*.txt"))
    assert len(parts) == 3
    whole = (tmp_path / "shard" / "part-00001-of-00001.txt").read_bytes()
    assert b"".join(part.read_bytes() for part in parts) == whole
