"""The folder of a run and the settings that it was begun with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

from ..errors import CheckpointError, ConfigError, TrainingError
from .settings import Settings

# What may differ when a run goes on: how long, how often, where; not what is computed.
MAY_CHANGE = frozenset(
    f"training.{name}"
    for name in (
        "max_steps",
        "max_epochs",
        "decay_steps",
        "checkpoint_every",
        "evaluate_every",
        "keep_checkpoints",
        "average",
        "log_every",
        "patience",
        "threads",
        "device",
        "tensorboard",
        "export",
    )
)


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    rows = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            rows.update(_flat(value, f"{prefix}{name}."))
        else:
            rows[prefix + name] = value
    return rows


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"Cannot read {path}: {error}. It says what the run was begun with; put it back, or "
            f"give the run another folder."
        ) from error


def open_run(run: Path, settings: Settings) -> None:
    """Make the folder of a run, or check that it was begun with the same settings.

    Raises:
        ConfigError: a setting differs that would change what is computed.
    """
    run.mkdir(parents=True, exist_ok=True)
    path = run / "settings.json"
    new = json.loads(json.dumps(settings.to_dict()))
    if path.exists():
        old_rows, new_rows = _flat(_read(path)), _flat(new)
        changed = sorted(
            name
            for name in old_rows.keys() | new_rows.keys()
            if old_rows.get(name) != new_rows.get(name) and name not in MAY_CHANGE
        )
        if changed:
            name = changed[0]
            raise ConfigError(
                f"The run in {run} was begun with other settings: {name} was "
                f"{old_rows.get(name)!r} and is now {new_rows.get(name)!r} "
                f"({len(changed)} differ: {', '.join(changed)}). Give the run another folder, or "
                f"remove this one to begin anew."
            )
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(new, indent=2), encoding="utf-8")
    os.replace(draft, path)


class RunLock:
    """Keeps a run to one training at a time.

    The kernel holds it and lets go when the process ends, killed or not, so a lock is never
    stale. Where there is no flock (Windows, some network drives) nothing is locked.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / "lock"
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock; the folder is made if need be.

        Raises:
            TrainingError: another training has it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:
            return
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise TrainingError(
                f"Another training is at work in {self._path.parent}. Wait until it ends or stop "
                f"it, or give this one another folder with --run."
            ) from error
        except OSError:
            pass
        self._file = file

    def release(self) -> None:
        """Let another training have the folder."""
        if self._file is not None:
            self._file.close()
            self._file = None
