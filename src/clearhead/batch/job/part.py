"""One part of a job: translated window by window, and whole when it has its name."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import ConfigError, CorpusError, TextError
from ...file_reading import FileProblem, read_json
from .durable_files import draft_of, errors_about, take_name, write_durably
from .journal import Journal, Progress, open_journal
from .line_translator import WINDOW, LineTranslator
from .lines import Line, file_stamp, lines_from, text_of
from .plan import MOST_BYTES, Part

_FORMAT = 1


@dataclass(frozen=True)
class PartFiles:
    """The files of a part."""

    folder: Path
    stem: str

    @property
    def output(self) -> Path:
        """The translations, a line for each line of the input."""
        return self.folder / f"{self.stem}.txt"

    @property
    def rejects(self) -> Path:
        """The lines that could not be translated; there is none where all could."""
        return self.folder / f"{self.stem}.rejects.jsonl"

    @property
    def manifest(self) -> Path:
        """What the part is made of. Where it is, the part is complete."""
        return self.folder / f"{self.stem}.json"

    @property
    def journal(self) -> Path:
        """How far the part is; it is removed when the part is complete."""
        return self.folder / f".{self.stem}.journal"

    @property
    def is_complete(self) -> bool:
        """Whether the manifest is there, and nobody is at work or was ended just after it."""
        return self.manifest.exists() and not self.journal.exists()

    @property
    def is_begun(self) -> bool:
        """Whether a process has been at work on the part."""
        return any(path.exists() for path in (self.manifest, self.journal, self.output))


class PartWriter:
    """Writes one part of a job.

    Args:
        folder: of the job.
        part: of the plan.
        plan_digest: the SHA-256 of the plan.
        translator: of its lines.
        column: of the text in a line, from 1; None for the whole line.
        on_lines: called with the number of lines after each window that the disk has.
    """

    def __init__(
        self,
        folder: Path,
        part: Part,
        plan_digest: str,
        translator: LineTranslator,
        column: int | None = None,
        on_lines: Callable[[int], None] | None = None,
    ) -> None:
        self.files = PartFiles(folder, part.stem)
        self._part, self._plan_digest = part, plan_digest
        self._translator, self._column = translator, column
        self._on_lines = on_lines or (lambda lines: None)

    def write(self, patience: float = 0.0) -> dict[str, Any]:
        """Translate the part, or the rest of it, and return its manifest.

        Args:
            patience: seconds to wait for a process that is at work on it.

        Raises:
            ConfigError: another process is at work on it, or its files are not what it wrote.
            CorpusError: an input cannot be read, or was changed.
            OSError: a file cannot be written.
        """
        files = self.files
        task = f"translating part {self._part.number}"
        with open_journal(files.journal, task=task, patience=patience) as journal:
            if not files.manifest.exists():
                self._complete(journal)
            journal.remove()
        return read_manifest(files, self._plan_digest)

    def _complete(self, journal: Journal) -> None:
        """Bring the part from wherever it is to its manifest."""
        output, draft = self.files.output, draft_of(self.files.output)
        if output.exists():
            # A process ended after the output had its name, and before the manifest had.
            progress = journal.last()
            if progress is None or _hash_of(output) != (progress.size, progress.digest):
                raise ConfigError(
                    f"{output} was not written by this job. Move it away, or name another folder."
                )
            input_digest = hashlib.sha256()
            for _, _, line in self._input():
                input_digest.update(line.digest)
        else:
            progress, input_digest = self._translate(journal, draft)
        self._check_inputs()
        reject_content = b"".join(_json_line(reject) for reject in progress.rejects)
        if progress.rejects:
            write_durably(self.files.rejects, reject_content)
        if not output.exists():
            take_name(draft, output)
        write_durably(
            self.files.manifest,
            _json_line(self._manifest(progress, input_digest.hexdigest(), reject_content), 1),
        )

    def _translate(self, journal: Journal, draft: Path) -> tuple[Progress, Any]:
        """Translate what the draft lacks, and return how far it is then: to its end."""
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
                content, new_rejects = self._window(window)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                digest.update(content)
                for _, _, line in window:
                    input_digest.update(line.digest)
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

    def _window(self, window: list[tuple[str, int, Line]]) -> tuple[bytes, list[dict[str, Any]]]:
        """Return what is written for some lines, and those among them that are rejected."""
        texts, places = [], []
        output: list[str | TextError] = []
        for place, (_, number, line) in enumerate(window):
            try:
                texts.append(text_of(line, number, self._column))
                places.append(place)
                output.append("")
            except TextError as error:
                output.append(error)
        for place, translation in zip(places, self._translator.lines(texts), strict=True):
            output[place] = translation
        rejects = []
        written_lines = []
        for (name, number, _), output_line in zip(window, output, strict=True):
            if isinstance(output_line, TextError):
                rejects.append({"file": name, "line": number, "reason": str(output_line)})
                output_line = self._translator.reject_line
            written_lines.append(output_line.encode("utf-8") + b"\n")
        return b"".join(written_lines), rejects

    def _input(self) -> Iterator[tuple[str, int, Line]]:
        """Yield the part's lines, each with the name of its file and its number there."""
        for stretch in self._part.stretches:
            lines = lines_from(stretch.survey, stretch.first, stretch.count)
            for number, line in enumerate(lines, stretch.first + 1):
                yield stretch.name, number, line

    def _check_inputs(self) -> None:
        for stretch in self._part.stretches:
            if file_stamp(stretch.survey.path) != stretch.survey.stamp:
                raise CorpusError(
                    f"{stretch.survey.path} was changed while part {self._part.number} was "
                    f"translated, which is not finished therefore. Give the file back its content "
                    f"and start again with --resume, or begin a job in another folder."
                )

    def _manifest(
        self, progress: Progress, input_digest: str, reject_content: bytes
    ) -> dict[str, Any]:
        from ...engine.products import method

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
            "output": {
                "name": self.files.output.name,
                "bytes": progress.size,
                "sha256": progress.digest,
            },
            "rejects": rejects,
            "products": method(),
        }


def read_manifest(files: PartFiles, plan_digest: str) -> dict[str, Any]:
    """Return the manifest of a complete part, whose files are what it says.

    Raises:
        ConfigError: it is of another job, or a file is not what it says, or is missing.
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
