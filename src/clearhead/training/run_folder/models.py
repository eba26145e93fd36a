"""The models and test sets in the folder of a training run, for commands that are given one."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields
from ...text.columns import table_of

_STATE = re.compile(r"step-(\d{8})")
_ORDER = ("mean", "best")


def is_run(folder: str | Path) -> bool:
    """Tell whether a folder is that of a training run."""
    path = Path(folder)
    try:
        return (path / "settings.json").is_file() and not (path / "model.safetensors").exists()
    except (OSError, ValueError):  # too long for a path, or with a zero byte
        return False


def checkpoint_step(folder: Path) -> int | None:
    """Return the step of a checkpoint's folder; None of any other folder."""
    match = _STATE.fullmatch(folder.name)
    return int(match[1]) if match else None


def model_of_run(run: Path, which: str | None) -> Path:
    """Return the folder of one of a run's models.

    Args:
        run: its folder.
        which: ``mean``, the finished model; ``best``; ``last``, a checkpoint; or None: the mean
            of a finished run, and the best of another.

    Raises:
        CheckpointError: there is none yet.
    """
    states = sorted(path for path in run.glob("step-*") if checkpoint_step(path) is not None)
    folders = {"mean": run / "model", "best": run / "best"}
    present = {name: path for name, path in folders.items() if (path / "config.json").is_file()}
    if states:
        present["last"] = states[-1]
    for name in [which] if which else _ORDER:
        if name in present:
            return present[name]
    there = ", ".join(f"--which {name}" for name in present) or "nothing; train it first"
    raise CheckpointError(
        f"The run {run} has no {which or 'finished or best'} model yet. It has: {there}."
    )


def test_set_of_run(run: Path) -> str:
    """Return the pairs that a run is tested with: held out, or else those it is measured on.

    Returns:
        a corpus as clearhead.text.corpus has it; of a file of columns, with those of the run.

    Raises:
        CheckpointError: the run does not say what its development set is.
    """
    held_out = run / "held_out.test.tsv"
    if held_out.is_file():
        return str(held_out)
    try:
        rows = Fields(read_json(run / "sources.json"), "the file")
        names = [name for name in rows.names() if name.partition(",")[0] == "data.development"]
        if not names:
            raise FileProblem("it has no 'data.development'")
        paths = [rows.object(name).text("path") for name in names]
        settings = Fields(read_json(run / "settings.json"), "the settings")
        table = table_of(settings.object("data").text("development"))
    except FileProblem as error:
        raise CheckpointError(
            f"The run {run} does not say what it is tested with ({error.reason}). Give --pairs "
            f"FILE.tsv, or --source FILE --reference FILE."
        ) from error
    return ":".join((table.kind, paths[0], *table.columns)) if table else ",".join(paths)
