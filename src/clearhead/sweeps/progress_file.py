"""The results of a sweep on disk, so that an interrupted sweep can be resumed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..file_reading import FileProblem, parse_json, read_text
from ..files import remove_drafts_of_killed, whole_file
from ..json_fields import Fields, with_checksum
from ..shapes import Array
from .units import Unit

FORMAT = "clearhead sweep 1"
SECONDS = 1.0  # seconds between two writes


class ProgressFile:
    """A file with the results of a sweep so far.

    Args:
        path: of the file; it is created with the first results.
        subject: identifies the sweep: what it goes over, and its metric without edits. The file of
            another sweep is refused.
        units: of the sweep.

    Raises:
        ConfigError: the file is another sweep's, or no sweep's.
    """

    def __init__(self, path: str | Path, subject: Mapping[str, Any], units: Sequence[Unit]) -> None:
        self._path = Path(path)
        self._subject = parse_json(json.dumps(subject))
        self._units = {_key(unit): unit for unit in units}
        self._numbers: dict[str, float] = {}
        self._count, self._time = 0, -math.inf
        if not self._path.absolute().parent.is_dir():
            raise ConfigError(f"There is no folder {str(self._path.parent)!r} for {self._path}.")
        if self._path.exists():
            self._numbers = self._read()
            self._count = len(self._numbers)

    def __contains__(self, unit: Unit) -> bool:
        return _key(unit) in self._numbers

    def fill(self, values: Array) -> None:
        """Copy the stored numbers into a result."""
        for key, number in self._numbers.items():
            values[self._units[key].entry] = number

    def add(self, numbers: Mapping[Unit, float]) -> None:
        """Add numbers. They are written at most once a second, and at the end of `writing`."""
        self._numbers.update({_key(unit): number for unit, number in numbers.items()})
        if time.monotonic() - self._time >= SECONDS:
            self._write()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write all numbers at the end of the ``with`` block, even if it is interrupted."""
        try:
            yield
        finally:
            if len(self._numbers) > self._count:
                self._write()
            else:  # a kill may have left a draft of the file
                remove_drafts_of_killed(self._path)

    def _write(self) -> None:
        """Write all numbers; on failure the old file stays as it is."""
        content = with_checksum(
            {"format": FORMAT, "sweep": self._subject, "numbers": self._numbers}
        )
        with whole_file(self._path) as draft:
            draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        self._count, self._time = len(self._numbers), time.monotonic()

    def _read(self) -> dict[str, float]:
        try:
            content = parse_json(read_text(self._path), finite=False)
            Fields(content, "the file").check_sum()
            form, subject, numbers = (content[key] for key in ("format", "sweep", "numbers"))
            numbers = {str(key): float(number) for key, number in numbers.items()}
            subject = dict(subject)
        except FileProblem as error:
            raise ConfigError(
                f"{self._path} is not the file of a sweep: {error.reason}."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{self._path} is not the file of a sweep: {error}.") from error
        if form != FORMAT:
            raise ConfigError(f"{self._path} has the format {form!r}; {FORMAT!r} is read here.")
        for name, own in self._subject.items():
            if not _agrees(own, subject.get(name)):
                raise ConfigError(
                    f"{self._path} is of another sweep: its {name} is {subject.get(name)!r}, and "
                    f"{own!r} was asked for. Name another file, or remove it."
                )
        strays = numbers.keys() - self._units.keys()
        if strays:
            raise ConfigError(
                f"{self._path} is not the file of this sweep: it has a number for the edit "
                f"{min(strays)!r}, and there is no such edit."
            )
        return numbers


def _key(unit: Unit) -> str:
    return ",".join(map(str, unit.entry))


def _agrees(one: Any, other: Any) -> bool:
    """Return whether two values are equal, with numbers compared up to rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6)
    return bool(one == other)
