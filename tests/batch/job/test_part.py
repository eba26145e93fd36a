"""A part that is killed at every call that reaches the disk, and disks that are full."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from clearhead.batch.job import part as part_module
from clearhead.errors import ConfigError, CorpusError
from tests.batch.job.jobs import LINES, REJECT, contents, output, small_job

CALLS = ("fsync", "write", "replace", "truncate", "ftruncate", "unlink")


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(part_module, "WINDOW", 3)


def work_until_killed(job, number):
    """Do all of a job in a child that gets SIGKILL in front of its n-th such call.

    Returns:
        whether it came to its end before.
    """
    child = os.fork()
    if child == 0:
        try:
            count = 0

            def killing(call):
                def wrapped(*args, **kwargs):
                    nonlocal count
                    count += 1
                    if count == number:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return call(*args, **kwargs)

                return wrapped

            for name in CALLS:
                setattr(os, name, killing(getattr(os, name)))
            job.open()
            for one in job.remaining_parts():
                job.write_part(one)
            job.finish()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def kill_with_a_draft(job):
    """Kill the work on a job as soon as its first windows are written, and return their file."""
    draft = job.folder / f".{job.files(1).output.name}.draft"
    for number in range(1, 30):
        assert not work_until_killed(job, number)
        if draft.exists() and job.files(1).journal.read_bytes().count(b"sha256") >= 2:
            return draft
    raise AssertionError("no draft is left by any kill")


def work(job):
    job.open()
    for number in job.remaining_parts():
        job.write_part(number)
    return job.finish()


@pytest.fixture
def expected(folder, tmp_path):
    job = small_job(folder, tmp_path / "whole")
    work(job)
    return contents(job.folder)


def test_a_part_has_a_line_for_each_line_and_says_which_it_rejected(folder, tmp_path, expected):
    lines = expected["part-00001-of-00001.txt"].split(b"\n")
    assert len(lines) == len(LINES) + 1
    assert lines[1] == lines[3] == lines[-1] == b""
    assert lines[4] == b"12:30"
    translator = small_job(folder, tmp_path / "whole").work
    assert lines[5].decode() == translator.lines(["the river"])[0]
    assert json.loads(expected["part-00001-of-00001.rejects.jsonl"]) == REJECT
    assert json.loads(expected["manifest.json"])["rejects"] == 1


def test_killed_before_every_call_it_goes_on_to_the_same_bytes(folder, tmp_path, expected):
    job = small_job(folder, tmp_path / "killed")
    kills = 0
    while not work_until_killed(job, kills + 1):
        kills += 1
        work(job)
        assert contents(job.folder) == expected, f"killed before call {kills}"
        for path in job.folder.iterdir():
            path.unlink()
    assert kills > 20
    # And killed again and again on the way of one job, which gets a little further each time.
    for path in job.folder.iterdir():
        path.unlink()
    attempts = 1
    while not work_until_killed(job, 10):
        attempts += 1
        assert attempts < 20
    assert attempts >= 3
    assert contents(job.folder) == expected


def test_what_was_half_written_is_written_again(folder, tmp_path, expected):
    job = small_job(folder, tmp_path / "torn")
    files, draft = job.files(1), kill_with_a_draft(job)
    with draft.open("ab") as file:
        file.write(b"half a li")
    with files.journal.open("ab") as file:
        file.write(b'{"lines": 7, "byt')
    work(job)
    assert contents(job.folder) == expected


def test_a_draft_that_was_damaged_is_not_gone_on_with(folder, tmp_path, expected):
    job = small_job(folder, tmp_path / "damaged")
    draft = kill_with_a_draft(job)
    content = bytearray(draft.read_bytes())
    content[0] ^= 1
    draft.write_bytes(content)
    work(job)
    assert contents(job.folder) == expected


@contextlib.contextmanager
def small_disk(place: Path):
    """A file system of 24 kB, or a skip where none may be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "none", str(place)]
    try:
        answer = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if answer.returncode:
        pytest.skip("mounting is not permitted here; the limit on files' sizes is tried instead")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_with_room_it_goes_on(folder, tmp_path, expected):
    with small_disk(tmp_path / "disk"):
        job = small_job(folder, tmp_path / "beside")
        source = job.plan.surveys[0].path
        job = type(job)(tmp_path / "disk" / "out", job.plan, job.work)
        job.open()
        filler = tmp_path / "disk" / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 512)
        with pytest.raises(OSError, match="No space left") as error:
            job.write_part(1)
        assert str(job.folder) in error.value.filename
        assert not job.files(1).output.exists()
        filler.unlink()
        work(job)
        assert contents(job.folder) == expected
        assert source.read_bytes() == b"\n".join(LINES)


@pytest.mark.parametrize("limit", [1, 10, 40, 150, 280])
def test_a_limit_on_the_size_of_files_is_told_and_without_it_goes_on(
    folder, tmp_path, expected, limit
):
    job = small_job(folder, tmp_path / "limited")
    job.open()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            job.write_part(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.filename
    work(job)
    assert contents(job.folder) == expected


def test_two_processes_do_not_write_one_part(folder, tmp_path):
    job = small_job(folder, tmp_path / "two")
    job.open()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with part_module.open_journal(job.files(1).journal, task="translating part 1"):
            os.write(writing, b"x")
            signal.pause()
    try:
        os.read(reading, 1)
        with pytest.raises(
            ConfigError, match=r"Another process is translating part 1 in .*--resume"
        ):
            job.write_part(1, patience=0.1)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert job.write_part(1)["lines"] == len(LINES)


def test_an_input_that_changes_meanwhile_is_refused(folder, tmp_path):
    job = small_job(folder, tmp_path / "changed")
    job.open()
    source = job.plan.surveys[0].path
    source.write_bytes(source.read_bytes().replace(b"old", b"new"))
    with pytest.raises(CorpusError, match="was changed while part 1 was translated"):
        job.write_part(1)
    source.write_bytes(b"one line")
    with pytest.raises(CorpusError, match="ends before line 8, which it had"):
        job.write_part(1)
    assert not job.files(1).output.exists()


def test_files_that_are_not_what_the_manifest_says_are_refused(folder, tmp_path):
    job = small_job(folder, tmp_path / "edited")
    work(job)
    files = job.files(1)
    content = files.output.read_bytes()
    for damage in (content[:-1], content.swapcase()):
        files.output.write_bytes(damage)
        with pytest.raises(ConfigError, match=r"is not what part-00001-of-00001\.json says"):
            job.finish()
    files.output.write_bytes(content)
    files.rejects.unlink()
    with pytest.raises(ConfigError, match=r"rejects\.jsonl is not what"):
        job.write_part(1)
    files.manifest.unlink()
    with pytest.raises(ConfigError, match="was not written by this job"):
        job.write_part(1)
    files.journal.unlink()
    files.manifest.write_text("{}")
    with pytest.raises(ConfigError, match="cannot be read as the manifest of a part"):
        job.finish()


@pytest.mark.parametrize("count", [2, 3, 11])
def test_any_number_of_shards_gives_the_same_bytes(folder, tmp_path, expected, count):
    job = small_job(folder, tmp_path / "shards", count=count)
    whole = work(job)
    assert output(job.folder) == expected["part-00001-of-00001.txt"]
    assert whole["rejects"] == 1
    assert [part["part"] for part in whole["parts"]] == list(range(1, count + 1))
