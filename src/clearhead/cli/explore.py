"""`clearhead explore`: a local page that shows every number behind what a model makes of a text."""

from __future__ import annotations

import click

from .texts import TextArgument, TextCommand
from .threads import one_blas_thread

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
        # Questions are worked on in two threads; each with a BLAS of several would only wait. The
        # picture of a long recording is work for all of them.
        one_blas_thread()
    from ..errors import ConfigError
    from ..explorer import explorer_of
    from ..explorer.contract.answers import Answering
    from ..explorer.recordings.explorer import open_recording
    from ..explorer.recordings.sweep import SweepExplorer, open_sweep
    from ..explorer.server.serve import serve
    from ..explorer.training_run import is_training_run

    if file is None and model == _MODEL and text is not None and is_training_run(text):
        model, text = text, None  # nobody wants the path of a run translated
    what = ("A recording", "--recording") if recording is not None else ("A sweep", "--sweep")
    if file is not None and text is not None:
        raise ConfigError(f"{what[0]} has its own text; leave TEXT out, or {what[1]}.")
    if file is not None and task is not None:
        raise ConfigError(f"{what[0]} translates nothing; leave --task out, or {what[1]}.")

    def explorer() -> Answering:
        result = None if sweep is None else open_sweep(sweep)
        if recording is not None:
            return open_recording(recording, sweep=result)
        return explorer_of(model, task=task) if result is None else SweepExplorer(result)

    serve(
        explorer,
        model if file is None else file,
        text=text,
        port=port,
        open_page=not no_browser,
        token=token,
        say=click.echo,
    )
