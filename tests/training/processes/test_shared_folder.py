"""A process that does not see the run's folder is named by all, but not asked on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import TrainingError
from clearhead.training.processes import shared_folder
from clearhead.training.processes.launch import MEETING
from clearhead.training.processes.shared_folder import check_shared_folder


class One:
    """One of two processes; what the other one says is fixed."""

    def __init__(self, rank: int, *others: int) -> None:
        self.rank, self.count, self.first, self._others = rank, 2, rank == 0, iter(others)

    def agree(self, number: int) -> int:
        return max(number, next(self._others))


def test_the_folder_that_all_see_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MEETING, raising=False)
    first: Any = One(0, 0, 0)
    check_shared_folder(tmp_path, first)
    assert not list(tmp_path.iterdir())
    (tmp_path / "meeting").write_text("77")
    second: Any = One(1, 77, 0)
    check_shared_folder(tmp_path, second)


def test_a_process_that_is_blind_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(MEETING, raising=False)
    monkeypatch.setattr(shared_folder, "_SECONDS", 0.1)
    second: Any = One(1, 77, 0)
    words = "Process 2 of 2 does not see what the first one writes to .* name one with --run"
    with pytest.raises(TrainingError, match=words):
        check_shared_folder(tmp_path, second)
    told: Any = One(0, 0, 2)  # the first process sees it, and hears that the second does not
    with pytest.raises(TrainingError, match=words):
        check_shared_folder(tmp_path, told)
    monkeypatch.setenv(MEETING, "a file")
    alone: Any = One(1)
    check_shared_folder(tmp_path, alone)
