"""The folder of a job: its plan, its parts, and the manifest of all when the last part is there."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ConfigError, CorpusError
from . import plan as plan_file
from .durable_files import lock, write_durably
from .line_work import LineWork
from .lines import Survey, survey
from .part import PartFiles, PartWriter, read_manifest
from .plan import Plan

MANIFEST = "manifest.json"
_LOCK = ".lock"
_PATIENCE = 60.0  # seconds; nobody holds the folder's lock for longer than a file takes


@dataclass(frozen=True)
class Job:
    """A job in its folder. It pickles, so that a worker on another machine can have it.

    Attributes:
        folder: where its parts are written, on a disk that every worker sees.
        plan: of the job.
        work: that is done with its lines.
    """

    folder: Path
    plan: Plan
    work: LineWork

    def open(self) -> None:
        """Write the plan to the folder, or check that its plan is this one.

        Raises:
            ConfigError: the folder holds another job, or files that are of no job.
            OSError: it cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / plan_file.NAME
        with lock(self.folder / _LOCK, task="at work", patience=_PATIENCE):
            if path.exists():
                self.plan.check(path)
                return
            strangers = [one.name for one in self.folder.iterdir() if not one.name.startswith(".")]
            if strangers:
                raise ConfigError(
                    f"{self.folder} has files that are of no job, such as {min(strangers)}. Name "
                    f"an empty folder, or a new one."
                )
            write_durably(path, self.plan.to_bytes())

    def files(self, number: int) -> PartFiles:
        """Return the files of a part."""
        return PartFiles(self.folder, self.plan.part(number).stem, self.work.suffix)

    def write_part(
        self,
        number: int,
        *,
        patience: float = 0.0,
        on_lines: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Write a part, or the rest of it, and return its manifest; see `PartWriter.write`."""
        part = self.plan.part(number)
        writer = PartWriter(self.folder, part, self.plan.digest, self.work, on_lines)
        return writer.write(patience)

    def rejects(self, number: int) -> int:
        """Return how many lines of a complete part were rejected.

        Raises:
            ConfigError: the part's files are not what its manifest says.
        """
        count: int = read_manifest(self.files(number), self.plan.digest)["rejects"]["count"]
        return count

    def remaining_parts(self) -> list[int]:
        """Return the numbers of the parts that are not complete, or not yet tidy."""
        numbers = range(1, self.plan.count + 1)
        return [number for number in numbers if not self.files(number).is_complete]

    def finish(self) -> dict[str, Any] | None:
        """Write what all parts make together, where they are complete, and the job's manifest.

        Returns:
            the manifest; None where a part is not complete.

        Raises:
            ConfigError: a part's files are not what its manifest says.
        """
        if self.remaining_parts():
            return None
        parts = [
            read_manifest(self.files(number), self.plan.digest)
            for number in range(1, self.plan.count + 1)
        ]
        count = sum(part["rejects"]["count"] for part in parts)
        outputs = [self.files(number).output for number in range(1, self.plan.count + 1)]
        results = self.work.results(outputs, count)
        content: dict[str, Any] = {
            **self.plan.to_dict(),
            "plan": self.plan.digest,
            "parts": [
                {key: part[key] for key in ("part", "lines", "input_sha256", "output", "rejects")}
                for part in parts
            ],
            "products": sorted({part["products"] for part in parts}),
            "rejects": count,
        }
        if results:
            content["results"] = [
                {"name": name, "bytes": len(one), "sha256": hashlib.sha256(one).hexdigest()}
                for name, one in results.items()
            ]
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
        with lock(self.folder / _LOCK, task="at work", patience=_PATIENCE):
            for name, one in results.items():
                write_durably(self.folder / name, one)
            write_durably(self.folder / MANIFEST, text.encode("utf-8") + b"\n")
        return content


def find_inputs(pattern: str) -> list[Path]:
    """Return the files that a name or a pattern such as ``corpus/*.tsv.gz`` means, in order.

    Raises:
        CorpusError: there is none, or one has a name that is no text.
    """
    names = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))
    paths = [Path(name).absolute() for name in names if Path(name).is_file()]
    if not paths:
        raise CorpusError(f"No file is meant by --input {pattern}. Check the name and its folder.")
    for path in paths:
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError:
            raise CorpusError(
                f"The name of {path!r} is not UTF-8, and manifests are. Rename the file."
            ) from None
    return paths


def survey_inputs(paths: Sequence[Path]) -> list[Survey]:
    """Read all inputs from end to end, and return what a plan needs to know of them.

    Raises:
        CorpusError: one cannot be read.
    """
    return [survey(path) for path in paths]
