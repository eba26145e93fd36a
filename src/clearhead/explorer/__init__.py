"""The explorer: shows a text and every number that a model computes from it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import ConfigError, require

if TYPE_CHECKING:
    from .contract.answers import Answering
    from .recordings.modules import Tokens

__all__ = ["explore"]


def explore(
    what: Any = "en-fr",
    text: str | None = None,
    *,
    tokens: Tokens | None = None,
    source_tokens: Tokens | None = None,
    task: str | None = None,
    state: str = "",
    port: int | None = None,
    open_page: bool = True,
    token: str | None = None,
    say: Callable[[str], None] = print,
) -> Any:
    """Open the explorer: in a notebook as a widget, elsewhere as a local page until Ctrl-C.

    Args:
        what: a model (its name, its folder, a Checkpoint or a PretrainedModel); the folder of a
            training run, whose checkpoints are models; the recorded attention of any PyTorch model
            (a Recording, its file, an AttentionMap, or a dictionary of AttentionMaps by name); or
            the result of a sweep (a Sweep, or the .json file that it was saved to).
        text: the first text for the model.
        tokens, source_tokens: names for the positions of a recording; see
            `clearhead.explorer.recordings.explorer.RecordingExplorer`.
        task: the task of someone else's translator, such as ``en-fr``; see
            `clearhead.translation.task.read_task`.
        state: the page's initial state instead, in the form of the # part of a page's address.
        port: of the local page; see `clearhead.explorer.server.serve.open_port`.
        open_page: whether the local page is opened in a browser.
        token: the access token of the local page; see
            `clearhead.explorer.server.serve.serve`.
        say: called with each line that says where the local page is.

    Returns:
        the widget in a notebook, to be displayed or kept; elsewhere None, when the page has ended.

    Raises:
        ConfigError: the explorer cannot show ``what``, or an argument does not apply to it.
        CheckpointError: the model cannot be read.
        TraceError: the recording's file cannot be read.
        MissingExtraError: a package is missing. ``pip install "clearhead[notebook]"`` brings those
            of the widget, ``clearhead[explore]`` those of the page, ``clearhead[torch]`` those of
            recordings.
    """
    begin = _beginning(text, state)
    in_widget = in_notebook()
    if in_widget:
        for package in ("anywidget", "pydantic"):
            require(package, extra="notebook", purpose="Exploring in a notebook")
    explorer = explorer_of(what, tokens=tokens, source_tokens=source_tokens, task=task)
    if in_widget:
        from .widget import ExplorerWidget

        return ExplorerWidget(explorer, state=begin)
    from .server.serve import serve

    folder = getattr(what, "folder", None)  # a model that was read has one
    name = what if isinstance(what, str | Path) else folder.name if folder else type(what).__name__
    serve(
        lambda: explorer,
        str(name),
        state=begin,
        port=port,
        open_page=open_page,
        token=token,
        say=say,
    )
    return None


def _beginning(text: str | None, state: str) -> str:
    """Return the page's initial state, from a text or a whole state."""
    if text is not None and state:
        raise ConfigError("Give a text to begin with or a whole state, not both.")
    return state or (f"#text={quote(text, safe='')}" if text else "")


def explorer_of(
    what: Any,
    *,
    tokens: Tokens | None = None,
    source_tokens: Tokens | None = None,
    task: str | None = None,
) -> Answering:
    """Return the object that answers the explorer's questions about a model or a recording.

    Args:
        what, tokens, source_tokens, task: as in `explore`.

    Raises:
        ConfigError: the explorer cannot show ``what``.
        MissingExtraError: a package is missing; ``pip install "clearhead[explore]"`` brings it.
    """
    require("pydantic", extra="explore", purpose="The explorer")
    if hasattr(what, "answer"):
        _without_task(task)
        return _unnamed(what, tokens, source_tokens)
    from .recordings.sweep import SweepExplorer, is_sweep, open_sweep

    if is_sweep(what):
        _without_task(task)
        return _unnamed(SweepExplorer(open_sweep(what)), tokens, source_tokens)
    if isinstance(what, str | Path):
        if Path(what).suffix == ".safetensors":
            _without_task(task)
            from .recordings.explorer import open_recording

            return open_recording(what, tokens=tokens, source_tokens=source_tokens)
        from .models.kinds import read_model
        from .training_run import TrainingRun, is_training_run

        if is_training_run(what):
            _without_task(task)
            return _unnamed(TrainingRun(what), tokens, source_tokens)
        what = read_model(what)
    from ..pretrained.model import PretrainedModel
    from ..translation.checkpoint import Checkpoint

    if isinstance(what, Checkpoint | PretrainedModel):
        from .explorer import Explorer

        return _unnamed(Explorer(what, task=task), tokens, source_tokens)
    if "torch" not in sys.modules:  # so it cannot be a recording
        raise ConfigError(
            f"The explorer shows a model (a name, a folder, a Checkpoint or a PretrainedModel), a "
            f"Recording, its file, an AttentionMap, or a dictionary of AttentionMaps by name; got "
            f"{type(what).__name__}."
        )
    _without_task(task)
    from .recordings.explorer import RecordingExplorer

    return RecordingExplorer(what, tokens=tokens, source_tokens=source_tokens)


def _without_task(task: str | None) -> None:
    if task is not None:
        raise ConfigError(
            f"A task is for models that translate, by their name or folder; leave task={task!r} "
            f"out."
        )


def _unnamed(explorer: Answering, *names: Tokens | None) -> Answering:
    if any(tokens is not None for tokens in names):
        raise ConfigError(
            "tokens and source_tokens name the positions of a recording; a model "
            "names its own. Leave them out."
        )
    return explorer


def in_notebook() -> bool:
    """Return whether this runs in a notebook that can show a widget: Jupyter or marimo."""
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
