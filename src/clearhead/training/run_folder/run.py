"""The folder of a run, its stored settings, and the lock on it.

Before the first checkpoint, a new start may change any setting: no training is lost, and a failed
first start must not block the next. Prepared data that depend on a changed setting are made again.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ...errors import CheckpointError, ConfigError, CorpusError, TrainingError
from ...file_reading import FileProblem, parse_json, read_json
from ...files import write_whole
from ...json_fields import Fields
from ...visible import quoted, visible
from ..settings import Settings
from ..sources import NAME as SOURCES
from ..sources import changed_source, note_sources, tokenizer_file
from ..tasks.labels import NAME as LABELS
from .progress import FIRST

# Settings that may change when a run resumes: its length, intervals, device and the description in
# the finished model, but nothing that changes the computed numbers.
MAY_CHANGE = frozenset(
    f"training.{name}"
    for name in (
        "max_steps",
        "max_epochs",
        "decay_steps",
        "checkpoint_every",
        "evaluate_every",
        "keep_checkpoints",
        "keep_every",
        "average",
        "log_every",
        "patience",
        "translated_pairs",
        "best",
        "threads",
        "device",
        "shard",
        "tensorboard",
        "export",
    )
) | {"data.source_language", "data.target_language"}
# Settings that may be lowered: a run whose learning rate was too high must be able to resume.
MAY_FALL = frozenset({"training.learning_rate"})
# Prepared data depend on these settings; an initial model brings its own tokenizer.
_PREPARES = ("task", "data.", "tokenizer.", "training.initial")
_STATES = "step-" + "[0-9]" * 8
_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than the limit on files (ulimit -f)",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing there is not permitted",
    errno.EPERM: "writing there is not permitted",
    errno.EEXIST: "a file of this name is in the way",
    errno.ENOTDIR: "a file of this name is in the way of a folder",
    errno.EISDIR: "a folder of this name is in the way",
}
_CODE = re.compile(r"os error (\d+)")


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Turn an error while writing a run's files into one line that says what to do.

    Raises:
        TrainingError: the disk is full, a folder is read-only, a file is in the way, ...
    """
    try:
        yield
    except Exception as error:
        number, name = _system_error(error)
        if number is None:
            raise
        reason = _FULL.get(number, os.strerror(number).lower())
        saved = _states(run)
        state = f" The last checkpoint, {saved[-1]}, is whole." if saved else ""
        raise TrainingError(
            f"Cannot write {name or f'in {run}'}: {reason}.{state} Make room for it and start the "
            f"same command again to go on, or give the run another folder with --run."
        ) from error


def _states(run: Path) -> list[Path]:
    return sorted(path for path in run.glob(_STATES) if path.is_dir())


def _system_error(error: Exception) -> tuple[int | None, str]:
    """Return the number and the file of a system call that failed, for Python or safetensors."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno, str(error.filename or "")
    if type(error).__name__ == "SafetensorError" and (code := _CODE.search(str(error))):
        return int(code[1]), ""
    return None, ""


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    rows = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            rows.update(_flat(value, f"{prefix}{name}."))
        else:
            rows[prefix + name] = value
    return rows


def _read(path: Path) -> dict[str, Any]:
    """Return the settings that a run was begun with; missing ones have their defaults."""
    try:
        content = Fields({"settings": read_json(path)}, "the file").mapping("settings")
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. It says what the run was begun with; put it "
            f"back, or give the run another folder."
        ) from error
    # Settings of another version may not be valid here; the comparison reports them.
    with suppress(ConfigError):
        content = parse_json(json.dumps(Settings.from_dict(content).to_dict()))
    return _flat(content)


def open_run(run: Path, settings: Settings, located: Settings | None = None) -> None:
    """Create the folder of a run, or check that it was begun with the same settings and files.

    Args:
        run: the folder.
        settings: as the user gave them.
        located: the same with paths that can be opened as they are; None means ``settings``.

    Raises:
        ConfigError: a changed setting would change the computed numbers.
        CorpusError: a file that the data were made from has changed.
        TrainingError: the folder cannot be written.
    """
    located = located or settings
    path = run / "settings.json"
    with writing(run):
        run.mkdir(parents=True, exist_ok=True)
        # A state before the first step is made again, from the current settings.
        first = run / FIRST
        has_states = any(path != first for path in _states(run))
        if not has_states and first.is_dir():
            shutil.rmtree(first)
        if has_states or path.exists():
            changed = _changes(_read(path), settings)
            file = changed_source(run, located)
            if has_states:
                _refuse_changes(run, changed, file)
            elif file or any(name.startswith(_PREPARES) for name in changed):
                _remove_prepared(run, located)
        if not (run / SOURCES).exists():
            note_sources(run, located)
        _write(path, settings)


def _write(path: Path, settings: Settings) -> None:
    write_whole(path, json.dumps(settings.to_dict(), indent=2))


def _changes(old: dict[str, Any], settings: Settings) -> dict[str, tuple[Any, Any]]:
    """Return the forbidden changes: old and new value of each setting, by its full name."""
    new = _flat(parse_json(json.dumps(settings.to_dict())))
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
        and name not in MAY_CHANGE
        and not (name in MAY_FALL and _is_lower(new[name], old.get(name)))
    }


def _is_lower(new: Any, old: Any) -> bool:
    return isinstance(old, int | float) and new < old


def _refuse_changes(run: Path, changed: dict[str, tuple[Any, Any]], file: str | None) -> None:
    ways = "Give the run another folder with --run, or remove this one to begin anew."
    if changed:
        name, (old, new) = next(iter(changed.items()))
        names = visible(", ".join(changed))
        lower = " (it may only become lower)" if name in MAY_FALL else ""
        raise ConfigError(
            f"The run in {run} was begun with other settings: {name} was {quoted(old)} and is "
            f"now {quoted(new)}{lower} ({len(changed)} differ: {names}). {ways}"
        )
    if file:
        raise CorpusError(
            f"The run in {run} was begun with another file: {file}. Put back the file that it was "
            f"begun with to go on. {ways}"
        )


def _remove_prepared(run: Path, settings: Settings) -> None:
    """Remove the prepared files of a run that has no checkpoint yet, and nothing else."""
    for folder in (run / "data").glob("[0-9]*"):
        if folder.suffix == ".part" or (folder / "store.json").is_file():
            shutil.rmtree(folder)
    shutil.rmtree(run / "taught", ignore_errors=True)
    names = [f"held_out.{part}.{end}" for part in ("development", "test") for end in ("tsv", "txt")]
    names += [LABELS, SOURCES]
    tokenizer_path = settings.tokenizer.path
    own = run / "tokenizer.json"
    if tokenizer_path is None or tokenizer_file(tokenizer_path).resolve() != own.resolve():
        names.append(own.name)
    for name in names:
        (run / name).unlink(missing_ok=True)


class RunLock:
    """A lock that allows one training at a time in a run's folder.

    The kernel holds the lock and releases it when the process ends, even if killed, so a lock is
    never stale. Without flock (Windows, some network drives) nothing is locked.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / "lock"
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Acquire the lock; the folder is created if needed.

        Raises:
            TrainingError: another training has it, or the folder cannot be made or written.
        """
        run = self._path.parent
        if run.exists() and not run.is_dir():
            raise TrainingError(
                f"The run's folder {run} is a file. Give the run another folder with --run."
            )
        with writing(run):
            run.mkdir(parents=True, exist_ok=True)
            if self._path.is_fifo():  # opening it would block for ever
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self._path))
            file = self._path.open("ab")
        try:
            import fcntl
        except ImportError:
            file.close()
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise TrainingError(
                f"Another training is at work in {run}. Wait until it ends or stop "
                f"it, or give this one another folder with --run."
            ) from error
        except OSError:
            pass
        self._file = file

    def release(self) -> None:
        """Release the lock, so that another training can use the folder."""
        if self._file is not None:
            self._file.close()
            self._file = None
