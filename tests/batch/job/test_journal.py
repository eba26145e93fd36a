"""Journals: the last place whose bytes the draft really has."""

from __future__ import annotations

import hashlib

import pytest

from clearhead.batch.job.journal import Progress, open_journal

WINDOWS = [b"one\n", b"two\nthree\n", b"", b"four\n"]
REJECT = {"file": "a", "line": 2, "reason": "é"}


@pytest.fixture
def files(tmp_path):
    """A journal and its draft after four windows."""
    path, draft = tmp_path / "journal", tmp_path / "draft"
    draft.write_bytes(b"".join(WINDOWS))
    with open_journal(path, task="x") as journal:
        journal.note_process()
        content = b""
        for number, window in enumerate(WINDOWS, 1):
            content += window
            digest = hashlib.sha256(content).hexdigest()
            rejects = [REJECT] if number == 2 else []
            journal.note(Progress(number, len(content), digest), rejects)
    return path, draft


def recover(path, draft):
    with open_journal(path, task="x") as journal:
        return journal.recover(draft)


def test_it_goes_on_where_it_was(files):
    path, draft = files
    assert b'"process": ' in path.read_bytes()
    progress = recover(path, draft)
    assert b'"process": ' in path.read_bytes()
    assert (progress.lines, progress.size, progress.rejects) == (4, 19, (REJECT,))
    with open_journal(path, task="x") as journal:
        assert journal.last() == progress


@pytest.mark.parametrize(
    ("length", "lines", "size"), [(18, 3, 14), (14, 3, 14), (13, 1, 4), (3, 0, 0), (0, 0, 0)]
)
def test_a_draft_that_lost_its_end_is_cut_back(files, length, lines, size):
    path, draft = files
    draft.write_bytes(draft.read_bytes()[:length])
    progress = recover(path, draft)
    assert (progress.lines, progress.size, draft.stat().st_size) == (lines, size, size)
    assert recover(path, draft) == progress  # the journal was cut back, too


def test_a_missing_draft_begins_anew_and_a_surplus_is_cut_off(files):
    path, draft = files
    with draft.open("ab") as file:
        file.write(b"fi")
    assert recover(path, draft).lines == 4
    assert draft.stat().st_size == 19
    draft.unlink()
    assert recover(path, draft) == Progress()


@pytest.mark.parametrize("garbage", [b'{"lines": 5', b"\x00\x00\n", b'{"lines": true}\n', b"[]\n"])
def test_what_cannot_be_read_ends_the_journal(files, garbage):
    path, draft = files
    content = path.read_bytes()
    path.write_bytes(content + garbage)
    assert recover(path, draft).lines == 4
    assert path.read_bytes() == content
