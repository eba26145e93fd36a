"""Checks that a folder may hold a transformers model, before transformers reads it."""

from __future__ import annotations

from pathlib import Path

from ..errors import CheckpointError, ConfigError
from ..file_reading import FileProblem, read_json


def check_folder(name: str) -> None:
    """Check the folder of a model; for Clearhead's own format, the error names other commands."""
    file = Path(name) / "config.json"
    if not Path(name).exists() and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise CheckpointError(f"There is no folder {name!r}, and no model on a hub is named so.")
    if Path(name).is_dir() and not file.exists():
        raise CheckpointError(f"The folder {name!r} holds no model: it has no config.json.")
    if file.exists():
        _check_regular(Path(name))
        try:
            content = read_json(file)
        except FileProblem as error:
            raise CheckpointError(f"Cannot read {str(file)!r}: {error.reason}.") from error
        if isinstance(content, dict) and {"format", "model"} <= content.keys():
            raise ConfigError(
                f"{name!r} is a model of clearhead's own, and inspect reads Hugging Face models. "
                f"For every number of its attention: clearhead trace TEXT --model {name}. For "
                f"inspect, export it: clearhead export {name} FOLDER --to huggingface"
            )


def _check_regular(folder: Path) -> None:
    """Refuse pipes among the files of a model: transformers would block on them."""
    for path in folder.iterdir():
        if path.exists() and not path.is_file() and not path.is_dir():
            raise CheckpointError(f"{str(path)!r} is no regular file. Get the model's files again.")
