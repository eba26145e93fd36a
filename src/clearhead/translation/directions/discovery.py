"""Finds models: those that come with the package, and those that the user has added.

A user's model is a folder in ``$CLEARHEAD_MODELS`` (one folder of models, or several with the
system's separator between them) or in ``$XDG_DATA_HOME/clearhead/models``, which is
``~/.local/share/clearhead/models`` if the variable is not set. The folder's name is the model's.
Names of bundled models take precedence; a user's model of such a name needs its path.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import CheckpointError, ConfigError
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields
from ...visible import visible
from .languages import Languages, check_code, read_languages

FILES = ("config.json", "model.safetensors", "tokenizer.json")
DEFAULT = "en-fr"
"""The model where none is named."""

_BUNDLED = Path(__file__).parents[2] / "models"


def bundled_models() -> list[str]:
    """Return the names of the models that come with the package."""
    return sorted(_names_in(_BUNDLED))


def user_models() -> dict[str, Path]:
    """Return the folders of the user's models, by name.

    Of two with the same name the first counts: ``$CLEARHEAD_MODELS`` comes before the data folder.
    """
    folders: dict[str, Path] = {}
    for place in user_folders():
        for name in sorted(_names_in(place)):
            folders.setdefault(name, place / name)
    return folders


def user_folders() -> list[Path]:
    """Return the folders that are searched for user models, in order."""
    listed = os.environ.get("CLEARHEAD_MODELS", "").split(os.pathsep)
    # A relative path is ignored, as the XDG base directory specification asks.
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    home = data if data.is_absolute() else _home() / ".local" / "share"
    return [*(Path(name).expanduser() for name in listed if name), home / "clearhead" / "models"]


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without a home, as in some containers
        return Path("/nonexistent")


def _names_in(place: Path) -> Iterator[str]:
    """Yield the names of the model folders in a folder."""
    try:
        for path in place.glob("*/config.json"):
            if not (path.parent / "settings.json").exists():  # a training run, no finished model
                yield path.parent.name
    except OSError:
        return  # no model can be read from an unreadable folder


def find_model(model: str | Path) -> Path:
    """Return the folder of a model by its name or path.

    Args:
        model: name of a bundled or user model, or a folder.

    Raises:
        CheckpointError: there is none; the message lists the existing names.
    """
    folder, name = Path(model), str(model)
    if name in bundled_models():
        return _BUNDLED / name
    users = user_models()
    if name in users:
        return users[name]
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CheckpointError(
            f"{model} is a file. A model is a folder with {', '.join(FILES)}; give the folder."
        )
    names = ", ".join(bundled_models()) or "none in this installation"
    own = f", nor one of yours ({', '.join(users)})" if users else ""
    raise CheckpointError(
        f"There is no model {name!r}: it is neither a bundled model ({names}){own} nor a folder, "
        f"nor a name on the hub, which has the form org/name."
    )


def languages_of(folder: Path) -> Languages | None:
    """Return the languages that the config.json of a folder states; None if it states none.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        return read_languages(Fields(read_json(folder / "config.json"), "the file"))
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {folder / 'config.json'}: {error.reason}. Get the model's folder again, "
            f"or name another."
        ) from error


def model_for(
    to: str | None = None, source: str | None = None, *, model: str | Path | None = None
) -> str | Path:
    """Return the model that translates to a language, or from one, or both.

    Args:
        to: code of the language to translate to; None: any.
        source: code of the language to translate from; None: any.
        model: a name or a folder to check instead of looking for one.

    Returns:
        a name or a folder, as `find_model` takes it; `DEFAULT` without any request.

    Raises:
        ConfigError: the named model is of other languages, or states none; or several user models
            fit.
        CheckpointError: there is no such model; the message says what to do.
    """
    for name, code in (("to", to), ("from", source)):
        if code is not None:
            check_code(name, code)
    if to is None and source is None:
        return DEFAULT if model is None else model
    if model is not None:
        _check(model, to, source)
        return model
    every = {name: _BUNDLED / name for name in bundled_models()}
    for kind in (every, user_models()):
        names = [name for name, folder in kind.items() if _suits(folder, to, source)]
        if len(names) == 1 or (names and kind is every):
            return names[0] if kind is every or names[0] not in every else kind[names[0]]
        if names:
            raise ConfigError(
                f"Several models of yours translate {_direction(to, source)}: {', '.join(names)}. "
                f"Name one by model (on the command line: --model {names[0]})."
            )
    raise CheckpointError(_advice(to, source, {**user_models(), **every}))


def _suits(folder: Path, to: str | None, source: str | None) -> bool:
    """Return whether a folder's model is of these languages; a damaged one is not."""
    try:
        languages = languages_of(folder)
    except CheckpointError:
        return False
    return (
        languages is not None
        and to in (None, languages.target)
        and source
        in (
            None,
            languages.source,
        )
    )


def _check(model: str | Path, to: str | None, source: str | None) -> None:
    languages = languages_of(find_model(model))
    if languages is None:
        raise ConfigError(
            f"{model} does not state its languages, so nobody can tell whether it translates "
            f"{_direction(to, source)}. Leave the languages out, or write "
            f'"languages": {{"source": ..., "target": ...}} into its config.json.'
        )
    if to not in (None, languages.target) or source not in (None, languages.source):
        raise ConfigError(
            f"A model that translates {_direction(to, source)} was asked for, and {model} "
            f"translates from {languages.source} to {languages.target}. Leave one of the two out."
        )


def _direction(to: str | None, source: str | None) -> str:
    """Return a direction in words: "from fr to en"."""
    return " ".join([f"from {source}"] * (source is not None) + [f"to {to}"] * (to is not None))


def _advice(to: str | None, source: str | None, models: dict[str, Path]) -> str:
    """Return a message: what does not exist, what does, and how to get the requested model."""
    directions = []
    for name, folder in models.items():
        try:
            languages = languages_of(folder)
        except CheckpointError:
            continue
        directions.append(f"{name} ({languages or 'states no languages'})")
    pair = f"{source or {'en': 'fr', 'fr': 'en'}.get(to or '', 'SOURCE')}-{to or 'TARGET'}"
    return (
        f"There is no model that translates {_direction(to, source)}. There are: "
        f"{', '.join(sorted(directions)) or 'none'}. Train one with 'clearhead train "
        f"configs/{pair}.toml' and put its folder into {visible(str(user_folders()[-1]))}, or name "
        f"a folder by model (on the command line: --model FOLDER)."
    )
