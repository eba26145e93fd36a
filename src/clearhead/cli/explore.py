"""`clearhead explore`: a local page that shows every number a model computes from a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .resources.threads import one_blas_thread
from .texts import TextArgument, TextCommand

if TYPE_CHECKING:
    from ..explorer.contract.answers import Answering

_MODEL = "en-fr"


@click.command(cls=TextCommand)
@click.argument("text", required=False, type=TextArgument())
@click.option(
    "-m",
    "--model",
    default=_MODEL,
    show_default=True,
    help="A bundled model's name, a folder (of a model, or of a training run), or the name of a "
    "model on the hub.",
)
@click.option("--task", help="What someone else's translator is to do, such as en-fr.")
@click.option(
    "--recording",
    metavar="FILE",
    help="Show what a PyTorch model attended to instead: a file that Recording.save wrote.",
)
@click.option(
    "--sweep",
    metavar="FILE",
    help="Show what edits did to a number instead, or beside a recording: a file that Sweep.save "
    "or clearhead patch --save wrote.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Of this computer's own address; 0 is any that is free. [8017, or the next free one]",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@click.option(
    "--token",
    metavar="WORD",
    help='That the address must name; "" for none, which lets in everyone on this computer. '
    "[CLEARHEAD_TOKEN of the environment, or a random one]",
)
def command(
    text: str | None,
    model: str,
    task: str | None,
    recording: str | None,
    sweep: str | None,
    port: int | None,
    no_browser: bool,
    token: str | None,
) -> None:
    """Open a page on which every number between TEXT and what a model makes of it can be followed.

    A translation, a continuation, hidden words filled in, or vectors: it depends on the model. Its
    folder may be one of ours, or one that transformers saved. The folder of a training run, in
    place of TEXT or as the model, opens with a slider over its checkpoints. The page is served to
    this computer alone, and to those alone who know its token, until Ctrl-C.
    """
    file = recording or sweep
    if file is None:
        # Questions are answered in two threads, and several BLAS threads for each would only wait.
        # Drawing a long recording is different: it has work for all of them.
        one_blas_thread()
    from ..explorer.server.serve import serve
    from ..explorer.training_run import is_training_run

    if file is None and model == _MODEL and text is not None and is_training_run(text):
        model, text = text, None  # the path of a run is surely not a text to translate
    _check_file_alone(recording, sweep, text, task)

    serve(
        _loader(model, task, recording, sweep),
        model if file is None else file,
        text=text,
        port=port,
        open_page=not no_browser,
        token=token,
        say=click.echo,
    )


def _check_file_alone(
    recording: str | None, sweep: str | None, text: str | None, task: str | None
) -> None:
    """Refuse a text or a task together with a file, which has its own text.

    Raises:
        ConfigError: both were given.
    """
    if recording is None and sweep is None:
        return
    from ..errors import ConfigError

    name, option = (
        ("A recording", "--recording") if recording is not None else ("A sweep", "--sweep")
    )
    if text is not None:
        raise ConfigError(f"{name} has its own text; leave TEXT out, or {option}.")
    if task is not None:
        raise ConfigError(f"{name} translates nothing; leave --task out, or {option}.")


def _loader(
    model: str, task: str | None, recording: str | None, sweep: str | None
) -> Callable[[], Answering]:
    """Return the function that loads the explorer, for a file or for a model.

    It is called in a thread of its own, so it imports what it needs.
    """
    from ..explorer import explorer_of
    from ..explorer.recordings.explorer import open_recording
    from ..explorer.recordings.sweep import SweepExplorer, open_sweep

    def load() -> Answering:
        result = None if sweep is None else open_sweep(sweep)
        if recording is not None:
            return open_recording(recording, sweep=result)
        return explorer_of(model, task=task) if result is None else SweepExplorer(result)

    return load
