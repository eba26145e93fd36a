"""Writes one part of a job window by window; it gets its final name when it is complete."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import ConfigError, CorpusError
from ...file_reading import FileProblem, read_json
from .durable_files import draft_of, errors_about, take_name, write_durably
from .journal import Journal, Progress, open_journal
from .line_work import WINDOW, LineWork
from .lines import Line, file_stamp, lines_from
from .plan import MOST_BYTES, Part

_FORMAT = 1


@dataclass(frozen=True)
class PartFiles:
    """The files of a part."""

    folder: Path
    stem: str
    suffix: str = ".txt"

    @property
    def output(self) -> Path:
        """The part: a line of translation for each input line, or a summary of all lines."""
        return self.folder / f"{self.stem}{self.suffix}"

    @property
    def windows(self) -> Path:
        """The draft written window by window, for a part that `sealed` makes from its draft."""
        return self.folder / f".{self.stem}.windows"

    @property
    def rejects(self) -> Path:
        """The list of rejected lines; the file exists only if there are any."""
        return self.folder / f"{self.stem}.rejects.jsonl"

    @property
    def manifest(self) -> Path:
        """The manifest of the part; it exists only if the part is complete."""
        return self.folder / f"{self.stem}.json"

    @property
    def journal(self) -> Path:
        """The progress of the part; it is removed when the part is complete."""
        return self.folder / f".{self.stem}.journal"

    @property
    def is_complete(self) -> bool:
        """Whether the manifest exists and the journal has been removed."""
        return self.manifest.exists() and not self.journal.exists()

    @property
    def is_begun(self) -> bool:
        """Whether a process has begun the part."""
        return any(path.exists() for path in (self.manifest, self.journal, self.output))


class PartWriter:
    """Writes one part of a job.

    Args:
        folder: of the job.
        part: of the plan.
        plan_digest: the SHA-256 of the plan.
        work: to do with its lines.
        on_lines: called with the number of lines of each window, after it is written to the disk.
    """

    def __init__(
        self,
        folder: Path,
        part: Part,
        plan_digest: str,
        work: LineWork,
        on_lines: Callable[[int], None] | None = None,
    ) -> None:
        self.files = PartFiles(folder, part.stem, work.suffix)
        self._part, self._plan_digest, self._work = part, plan_digest, work
        self._on_lines = on_lines or (lambda lines: None)

    def write(self, patience: float = 0.0) -> dict[str, Any]:
        """Write the part, or its remaining lines, and return its manifest.

        Args:
            patience: seconds to wait for another process that is writing it.

        Raises:
            ConfigError: another process is writing it, or its files have been changed.
            CorpusError: an input cannot be read, or has changed.
            OSError: a file cannot be written.
        """
        files = self.files
        task = f"{self._work.task} part {self._part.number}"
        with open_journal(files.journal, task=task, patience=patience) as journal:
            if not files.manifest.exists():
                self._complete(journal)
            files.windows.unlink(missing_ok=True)
            journal.remove()
        return read_manifest(files, self._plan_digest)

    def _complete(self, journal: Journal) -> None:
        """Complete the part from its current state, and write its manifest."""
        output, is_sealed = self.files.output, self._work.is_sealed
        draft = self.files.windows if is_sealed else draft_of(output)
        was_complete = output.exists()
        if was_complete:
            # A process ended after renaming the output and before writing the manifest.
            self._check_output(journal)
        if was_complete and not is_sealed:
            progress = journal.last() or Progress()
            input_digest = hashlib.sha256()
            for _, _, line in self._input():
                input_digest.update(line.digest)
        else:
            progress, input_digest = self._write_windows(journal, draft)
        self._check_inputs()
        reject_content = b"".join(_json_line(reject) for reject in progress.rejects)
        if progress.rejects:
            write_durably(self.files.rejects, reject_content)
        size, digest = progress.size, progress.digest
        if is_sealed:
            content = self._work.sealed(draft)
            write_durably(output, content)
            size, digest = len(content), hashlib.sha256(content).hexdigest()
        elif not was_complete:
            take_name(draft, output)
        manifest = self._manifest(progress, input_digest.hexdigest(), reject_content)
        manifest["output"] = {"name": output.name, "bytes": size, "sha256": digest}
        write_durably(self.files.manifest, _json_line(manifest, 1))

    def _check_output(self, journal: Journal) -> None:
        """Check that an output without a manifest was written by a process of this job.

        A sealed output is written again from its draft, so the draft only has to exist.
        """
        output, progress = self.files.output, journal.last()
        if progress is None and not self._part.lines:
            progress = Progress()
        is_ours = progress is not None and (
            self.files.windows.exists()
            if self._work.is_sealed
            else _hash_of(output) == (progress.size, progress.digest)
        )
        if not is_ours:
            raise ConfigError(
                f"{output} was not written by this job. Move it away, or name another folder."
            )

    def _write_windows(self, journal: Journal, draft: Path) -> tuple[Progress, Any]:
        """Write the draft's remaining windows; return its progress and the hash of the input."""
        progress = journal.recover(draft)
        journal.note_process()
        digest, input_digest = hashlib.sha256(), hashlib.sha256()
        rejects = list(progress.rejects)
        lines = self._input()
        for _, _, line in islice(lines, progress.lines):
            input_digest.update(line.digest)
        with errors_about(draft), open(draft, "a+b") as file:
            file.seek(0)
            while content := file.read(1 << 20):
                digest.update(content)
            while window := list(islice(lines, WINDOW)):
                content, errors = self._work.window([(number, line) for _, number, line in window])
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                digest.update(content)
                for _, _, line in window:
                    input_digest.update(line.digest)
                new_rejects = [
                    {"file": window[place][0], "line": window[place][1], "reason": str(error)}
                    for place, error in sorted(errors.items())
                ]
                rejects += new_rejects
                progress = Progress(
                    progress.lines + len(window),
                    progress.size + len(content),
                    digest.hexdigest(),
                    tuple(rejects),
                )
                journal.note(progress, new_rejects)
                self._on_lines(len(window))
        if _hash_of(draft) != (progress.size, progress.digest):
            raise ConfigError(
                f"{draft} is not what was written: another process writes it, or the disk is "
                f"damaged. Remove it, and start again with --resume."
            )
        return progress, input_digest

    def _input(self) -> Iterator[tuple[str, int, Line]]:
        """Yield the part's lines, each with the name of its file and its number in the file."""
        for stretch in self._part.stretches:
            lines = lines_from(stretch.survey, stretch.first, stretch.count)
            for number, line in enumerate(lines, stretch.first + 1):
                yield stretch.name, number, line

    def _check_inputs(self) -> None:
        for stretch in self._part.stretches:
            if file_stamp(stretch.survey.path) != stretch.survey.stamp:
                raise CorpusError(
                    f"{stretch.survey.path} was changed while part {self._part.number} was "
                    f"{self._work.participle}, which is not finished therefore. Give the file back "
                    f"its content and start again with --resume, or begin a job in another folder."
                )

    def _manifest(
        self, progress: Progress, input_digest: str, reject_content: bytes
    ) -> dict[str, Any]:
        rejects: dict[str, Any] = {"count": len(progress.rejects)}
        if progress.rejects:
            name, digest = self.files.rejects.name, hashlib.sha256(reject_content).hexdigest()
            rejects |= {"name": name, "sha256": digest}
        return {
            "format": _FORMAT,
            "plan": self._plan_digest,
            "part": self._part.number,
            "of": self._part.of,
            "lines": progress.lines,
            "inputs": [
                {"name": one.name, "first": one.first + 1, "lines": one.count}
                for one in self._part.stretches
            ],
            "input_sha256": input_digest,
            "rejects": rejects,
            "products": self._work.products,
        }


def read_manifest(files: PartFiles, plan_digest: str) -> dict[str, Any]:
    """Return the manifest of a complete part, after checking its files against it.

    Raises:
        ConfigError: the manifest is of another job, or a file is missing or differs from it.
    """
    try:
        manifest = read_json(files.manifest, most=MOST_BYTES)
        output, rejects = manifest["output"], manifest["rejects"]
        expected_files = {files.output: (output["bytes"], output["sha256"])}
        if rejects["count"]:
            expected_files[files.rejects] = (None, rejects["sha256"])
        plan = manifest["plan"]
    except (FileProblem, KeyError, TypeError) as error:
        raise ConfigError(
            f"{files.manifest} cannot be read as the manifest of a part. Remove it and "
            f"{files.output.name}, and start again with --resume."
        ) from error
    if plan != plan_digest:
        raise ConfigError(f"{files.manifest} is of another job. Name another folder.")
    for path, (size, digest) in expected_files.items():
        actual = _hash_of(path) if path.exists() else (None, None)
        if actual[1] != digest or (size is not None and actual[0] != size):
            raise ConfigError(
                f"{path} is not what {files.manifest.name} says: it was changed or removed after "
                f"it was written. Remove the files of {files.stem}, and start again with --resume."
            )
    result: dict[str, Any] = manifest
    return result


def _hash_of(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _json_line(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=True).encode() + b"\n"
