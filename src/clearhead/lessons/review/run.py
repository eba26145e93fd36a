"""Run a learner's file in a process of its own, with a time limit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ...file_reading import FileProblem, parse_json, read_text
from .._text import NOTHING, Text, text
from .subject import Outcome, Review

_MOST_BYTES = 1 << 27
_GRACE = 10.0  # seconds for the process to start and to end by itself


def run(path: str | os.PathLike[str], *, limit: float = 10.0) -> Review:
    """Run every function of a learner's file that can be reviewed, on all its cases.

    Args:
        path: of the file, in Python.
        limit: seconds for all of it.

    Returns:
        what happened, an error in the file included.

    Raises:
        FileProblem: there is no such file, or it is no text.
    """
    file = Path(path).resolve()
    source = read_text(file)
    with tempfile.TemporaryDirectory() as folder:
        result, place = Path(folder, "result.json"), Path(folder, "place.txt")
        command = [sys.executable, "-m", f"{__package__}.child", file, result, place, str(limit)]
        root = str(Path(__file__).parents[3])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            status = subprocess.run(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                timeout=limit + _GRACE,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
        if result.exists():
            return _read(result)
        if status is None or (place.exists() and place.stat().st_size):
            line = _place(place, str(file), source)
            problem = text(
                "it had not finished after {limit:g} seconds",
                "depois de {limit:g} segundos o arquivo não tinha terminado",
                limit=limit,
            )
            return Review(problem=problem, line=line)
        problem = text(
            "Python itself ended, with status {status}",
            "o próprio Python terminou, com o status {status}",
            status=status,
        )
        return Review(problem=problem)


def _place(place: Path, file: str, source: str) -> tuple[int, str] | None:
    """Return the line at which the file was when its time was over."""
    text = read_text(place) if place.exists() else ""
    match = re.search(rf'File "{re.escape(file)}", line (\d+)', text)
    if match is None:
        return None
    number = int(match[1])
    lines = source.splitlines()
    return number, lines[number - 1].strip() if number <= len(lines) else ""


def _read(result: Path) -> Review:
    try:
        content: dict[str, Any] = parse_json(read_text(result, most=_MOST_BYTES), finite=False)
    except FileProblem as error:
        problem = text(
            "its results could not be read: {reason}",
            "não foi possível ler os resultados: {reason}",
            reason=error.reason,
        )
        return Review(problem=problem)
    outcomes = {
        name: [_outcome(outcome) for outcome in one]
        for name, one in content.get("outcomes", {}).items()
    }
    return Review(
        outcomes,
        content.get("names", {}),
        tuple(content.get("functions", ())),
        _problem(content),
        _line(content),
    )


def _problem(content: dict[str, Any]) -> Text:
    problem = content.get("problem")
    return Text(problem["en"], problem["pt"]) if problem else NOTHING


def _line(content: dict[str, Any]) -> tuple[int, str] | None:
    line = content.get("line")
    return (int(line[0]), str(line[1])) if line else None


def _outcome(content: dict[str, Any]) -> Outcome:
    values = tuple(
        np.array(value["numbers"], float).reshape(value["shape"]).astype(value["dtype"])
        for value in content.get("values", ())
    )
    return Outcome(
        values,
        _problem(content),
        _line(content),
        tuple(content.get("changes", ())),
        content.get("is_steady", True),
        content.get("is_skipped", False),
    )
