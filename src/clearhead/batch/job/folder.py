"""The folder of a job: its plan, its parts, and a manifest when all parts are complete."""

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
_PATIENCE = 60.0  # seconds; the folder's lock is only held while files are written


@dataclass(frozen=True)
class Job:
    """A job in its folder. It can be pickled, so that workers on other machines can run it.

    Attributes:
        folder: to write its parts to, on a disk shared by all workers.
        plan: of the job.
        work: to do with its lines.
    """

    folder: Path
    plan: Plan
    work: LineWork

    def open(self) -> None:
        """Write the plan to the folder, or check that the folder has the same plan.

        Raises:
            ConfigError: the folder has another job, or files that do not belong to a job.
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
        """Write a part, or its remaining lines, and return its manifest; see `PartWriter.write`."""
        part = self.plan.part(number)
        writer = PartWriter(self.folder, part, self.plan.digest, self.work, on_lines)
        return writer.write(patience)

    def rejects(self, number: int) -> int:
        """Return the number of rejected lines of a complete part.

        Raises:
            ConfigError: the part's files do not match its manifest.
        """
        count: int = read_manifest(self.files(number), self.plan.digest)["rejects"]["count"]
        return count

    def remaining_parts(self) -> list[int]:
        """Return the numbers of the parts that are not complete, or still have a journal."""
        numbers = range(1, self.plan.count + 1)
        return [number for number in numbers if not self.files(number).is_complete]

    def finish(self) -> dict[str, Any] | None:
        """Write the job's results and manifest if all parts are complete.

        Returns:
            The manifest; None if a part is not complete.

        Raises:
            ConfigError: a part's files do not match its manifest.
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
    """Return the files that match a name or a pattern such as ``corpus/*.tsv.gz``, in order.

    Raises:
        CorpusError: there is none, or a file name is not valid UTF-8.
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
    """Read all inputs completely, and return the facts that a plan needs.

    Raises:
        CorpusError: an input cannot be read.
    """
    return [survey(path) for path in paths]
