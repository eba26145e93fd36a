"""The numbers of a sweep on disk."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from clearhead.errors import ConfigError
from clearhead.sweeps import progress_file
from clearhead.sweeps.progress_file import ProgressFile
from clearhead.sweeps.units import Unit

ASKED = {"edit": "zero", "axes": {"module": ("a", "b")}, "metric": 1.25, "target": None}
UNITS = [Unit("a", (0, 0)), Unit("a", (0, 1)), Unit("b", (1, 0))]


def test_numbers_come_back(tmp_path):
    path = tmp_path / "sweep.json"
    file = ProgressFile(path, ASKED, UNITS)
    with file.writing():
        assert not path.exists()
        file.add({UNITS[0]: 0.1, UNITS[1]: float("nan")})
    again = ProgressFile(path, {**ASKED, "metric": 1.25 + 1e-9}, UNITS)
    assert UNITS[1] in again
    assert UNITS[2] not in again
    values = np.zeros((2, 2))
    again.fill(values)
    np.testing.assert_array_equal(values, [[0.1, np.nan], [0.0, 0.0]])


def test_a_digit_that_is_another_is_told(tmp_path):
    path = tmp_path / "sweep.json"
    file = ProgressFile(path, ASKED, UNITS)
    with file.writing():
        file.add({UNITS[0]: 0.25})
    path.write_text(path.read_text().replace("0.25", "0.35"))
    with pytest.raises(ConfigError, match="the file is not what was written"):
        ProgressFile(path, ASKED, UNITS)


def test_it_is_written_once_a_second_and_at_the_end(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress_file.time, "monotonic", lambda: clock[0])
    path = tmp_path / "sweep.json"
    file = ProgressFile(path, ASKED, UNITS)

    def count() -> int:
        return len(json.loads(path.read_text())["numbers"])

    with file.writing():
        for unit, time, expected in zip(UNITS, (100.0, 100.5, 101.5), (1, 1, 3), strict=True):
            clock[0] = time
            file.add({unit: 1.0})
            assert count() == expected
        clock[0] = 102.0
    assert count() == 3


def test_the_end_is_written_though_it_was_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file.time, "monotonic", lambda: 100.0)
    path = tmp_path / "sweep.json"
    file = ProgressFile(path, ASKED, UNITS)

    def interrupted() -> None:
        with file.writing():
            file.add({UNITS[0]: 1.0})
            file.add({UNITS[1]: 2.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(json.loads(path.read_text())["numbers"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not the file of a sweep"),
        ('{"format": "clearhead sweep 1", "sweep": {}, "numb', "is not the file of a sweep"),
        ('{"format": "other", "sweep": {}, "numbers": {}}', "has the format 'other'"),
        ('{"format": "clearhead sweep 1", "sweep": 3, "numbers": {}}', "not the file of a sweep"),
        ('{"format": "clearhead sweep 1", "sweep": {}, "numbers": {"0,0": []}}', "not the file"),
        ('{"format": "clearhead sweep 1", "sweep": {}, "numbers": {}}', "is of another sweep"),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, words):
    path = tmp_path / "sweep.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        ProgressFile(path, ASKED, UNITS)
    assert path.read_text() == text


def test_files_of_other_sweeps_are_refused(tmp_path):
    path = tmp_path / "sweep.json"
    file = ProgressFile(path, ASKED, UNITS)
    with file.writing():
        file.add({UNITS[2]: 1.0})
    with pytest.raises(ConfigError, match="its edit is 'zero', and 'mean' was asked for"):
        ProgressFile(path, {**ASKED, "edit": "mean"}, UNITS)
    with pytest.raises(ConfigError, match=r"its metric is 1.25, and 1.3 was asked for"):
        ProgressFile(path, {**ASKED, "metric": 1.3}, UNITS)
    with pytest.raises(ConfigError, match="a number for the edit '1,0', and there is no such edit"):
        ProgressFile(path, ASKED, UNITS[:2])
    with pytest.raises(ConfigError, match="There is no folder"):
        ProgressFile(tmp_path / "none" / "sweep.json", ASKED, UNITS)
    with pytest.raises(ConfigError, match="it is a folder, not a file"):
        ProgressFile(tmp_path, ASKED, UNITS)
