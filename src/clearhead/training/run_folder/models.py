"""The models and test sets in a run's folder, for commands that take a run as an argument."""

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
    """Return whether a folder belongs to a training run."""
    path = Path(folder)
    try:
        return (path / "settings.json").is_file() and not (path / "model.safetensors").exists()
    except (OSError, ValueError):  # too long a path, or one with a zero byte
        return False


def checkpoint_step(folder: Path) -> int | None:
    """Return the step of a checkpoint's folder; None for any other folder."""
    match = _STATE.fullmatch(folder.name)
    return int(match[1]) if match else None


def model_of_run(run: Path, which: str | None) -> Path:
    """Return the folder of one of a run's models.

    Args:
        run: its folder.
        which: ``mean`` (the finished model), ``best``, ``last`` (the newest checkpoint), or None:
            ``mean`` if the run is finished, otherwise ``best``.

    Raises:
        CheckpointError: the run has no such model yet.
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
    """Return the test pairs of a run: its held-out test set, otherwise its development set.

    Returns:
        a corpus in the notation of clearhead.text.corpus, including the columns of the run.

    Raises:
        CheckpointError: the run's files do not name its development set.
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
