"""The plan of a job: its inputs, model, settings, and division into parts.

The plan is written to the job's folder first. Every later process, on this machine or another,
makes its own plan from its arguments, which must be equal to the stored one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...errors import ConfigError
from ...file_reading import FileProblem, read_json
from .lines import Survey

FORMAT = 1
NAME = "plan.json"
MOST_BYTES = 1 << 28
"""The largest size of a plan or a manifest, enough for a corpus of a million files."""


@dataclass(frozen=True)
class Stretch:
    """The lines of one input file that belong to a part.

    Attributes:
        survey: of the file.
        name: of the file in the plan.
        first: number of the first line, from 0.
        count: number of lines.
    """

    survey: Survey
    name: str
    first: int
    count: int


@dataclass(frozen=True)
class Part:
    """A part of a job.

    Attributes:
        number: of the part, from 1.
        of: number of parts of the job.
        stretches: its lines, in order.
    """

    number: int
    of: int
    stretches: tuple[Stretch, ...]

    @property
    def lines(self) -> int:
        """The number of lines of the part."""
        return sum(stretch.count for stretch in self.stretches)

    @property
    def stem(self) -> str:
        """The common beginning of its files' names."""
        width = max(5, len(str(self.of)))
        return f"part-{self.number:0{width}}-of-{self.of:0{width}}"


@dataclass(frozen=True)
class Plan:
    """The plan of a job.

    Attributes:
        surveys: of the input files, in order; their lines are concatenated.
        settings: everything else that the output depends on, in JSON's types: the model's hash, the
            translation's options, the form of the output, the column.
        lines_per_part: lines of every part but the last; 0 if the number of parts was given.
        count: number of parts.
        grain: parts begin at multiples of this number of lines: 1 if a translation does not depend
            on the lines beside it, otherwise the number of lines that are translated together.
    """

    surveys: tuple[Survey, ...]
    settings: Mapping[str, Any]
    lines_per_part: int
    count: int
    grain: int = 1

    @classmethod
    def of_shards(
        cls, surveys: Sequence[Survey], settings: Mapping[str, Any], count: int, grain: int = 1
    ) -> Plan:
        """Return the plan of ``count`` parts, with about equal numbers of lines."""
        return cls(tuple(surveys), settings, 0, count, grain)

    @classmethod
    def of_lines(
        cls, surveys: Sequence[Survey], settings: Mapping[str, Any], lines: int, grain: int = 1
    ) -> Plan:
        """Return the plan of parts with ``lines`` lines each, rounded up to whole grains."""
        lines = -(-lines // grain) * grain
        total = sum(survey.lines for survey in surveys)
        return cls(tuple(surveys), settings, lines, max(1, -(-total // lines)), grain)

    @property
    def lines(self) -> int:
        """The number of lines of all inputs."""
        return sum(survey.lines for survey in self.surveys)

    @property
    def names(self) -> list[str]:
        """The names of the inputs: file names, or paths if two files have the same name."""
        names = [survey.path.name for survey in self.surveys]
        if len(set(names)) < len(names):
            names = [survey.path.as_posix() for survey in self.surveys]
        return names

    def part(self, number: int) -> Part:
        """Return a part by its number, from 1."""
        first, end = self._start(number), self._start(number + 1)
        return Part(number, self.count, tuple(self._stretches(first, end)))

    def _start(self, number: int) -> int:
        """Return the index of a part's first line among all lines; their number beyond the last."""
        if number > self.count:
            return self.lines
        if self.lines_per_part:
            return min(self.lines, (number - 1) * self.lines_per_part)
        return self.lines * (number - 1) // self.count // self.grain * self.grain

    def _stretches(self, first: int, end: int) -> Iterator[Stretch]:
        before = 0
        for survey, name in zip(self.surveys, self.names, strict=True):
            start, stop = max(first - before, 0), min(end - before, survey.lines)
            if start < stop:
                yield Stretch(survey, name, start, stop - start)
            before += survey.lines

    def to_dict(self) -> dict[str, Any]:
        """Return the plan in JSON's types."""
        inputs = [
            {"name": name, "lines": survey.lines, "bytes": survey.stamp[0], "sha256": survey.digest}
            for name, survey in zip(self.names, self.surveys, strict=True)
        ]
        parts = {"count": self.count, "lines": self.lines_per_part, "grain": self.grain}
        return {
            "format": FORMAT,
            "clearhead": __version__,
            "inputs": inputs,
            "lines": self.lines,
            "parts": parts,
            "settings": dict(self.settings),
        }

    def to_bytes(self) -> bytes:
        """Return the content of the plan file."""
        text = json.dumps(self.to_dict(), indent=1, sort_keys=True, ensure_ascii=False)
        return text.encode("utf-8") + b"\n"

    @property
    def digest(self) -> str:
        """The SHA-256 of the plan file, which is in every manifest."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def check(self, path: Path) -> None:
        """Check that a plan file contains this plan.

        Raises:
            ConfigError: it has another job, or other settings, inputs or parts.
        """
        try:
            other = read_json(path, most=MOST_BYTES)
        except FileProblem as error:
            raise ConfigError(
                f"{path} cannot be read as the plan of a job: {error.reason}. Name another folder."
            ) from error
        if other == self.to_dict():
            return
        differences = list(_differences(self.to_dict(), other))
        raise ConfigError(
            f"{path.parent} holds a job that is another one: {'; '.join(differences[:4])}. Give "
            f"the inputs and settings that it was begun with, or name another folder."
        )


def _differences(plan: Any, other: Any, name: str = "") -> Iterator[str]:
    """Yield the differences from another plan, each as a clause."""
    if isinstance(plan, dict) and isinstance(other, dict):
        for key in sorted({*plan, *other}):
            yield from _differences(plan.get(key), other.get(key), f"{name}.{key}" if name else key)
    elif isinstance(plan, list) and isinstance(other, list):
        if len(plan) != len(other):
            yield f"{name} were {len(other)} and are {len(plan)}"
        else:
            for number, (one, its) in enumerate(zip(plan, other, strict=True)):
                title = one.get("name", number) if isinstance(one, dict) else number
                yield from _differences(one, its, f"{name}[{title}]")
    elif plan != other:
        yield f"{name} was {_short(other)} and is {_short(plan)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:24]}..."
