"""``clearhead classify``: labels each text, or each line of a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ...visible import json_text, visible
from ..lines import check_arguments, open_input, read_texts
from ..resources.threads import one_blas_thread
from ..texts import TextArgument, TextCommand

if TYPE_CHECKING:
    from ...tasks.images.classification import Classification


@click.command(cls=TextCommand)
@click.argument("model")
@click.argument("texts", nargs=-1, type=TextArgument())
@click.option("--input", "path", metavar="FILE", help="Classify the lines of a file; - is stdin.")
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="So many labels of each text, the likeliest first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each text.")
def command(model: str, texts: tuple[str, ...], path: str | None, top: int, as_json: bool) -> None:
    """Say which label MODEL gives each of TEXTS, or each line of a file or of standard input.

    MODEL is the folder of a classifier, as `clearhead train` writes it, or of a BERT of
    someone else's for sequence classification. Each line of the output
    has a label, a tab and its probability; with --top, more of both.
    """
    if texts and path is not None:
        raise click.UsageError("Give texts as arguments, or --input, not both.")
    one_blas_thread()
    from ...tasks.loading import load
    from ...tasks.model import Model

    loaded = load(model)
    loaded.require("classify")
    if not isinstance(loaded, Model):
        raise click.UsageError(
            f"{model} classifies images; clearhead.load({model!r}).classify(...) takes them."
        )
    for some in _texts(texts, path):
        results: Sequence[Classification] = loaded.classify(some, top=top)
        for text, result in zip(some, results, strict=True):
            click.echo(_line(text, result, as_json=as_json))
        sys.stdout.flush()


def _texts(texts: Sequence[str], path: str | None) -> Iterator[Sequence[str]]:
    if texts:
        yield check_arguments(texts)
        return
    with open_input(path, verb="classify") as stream:
        yield from read_texts(stream, name=path or "standard input")


def _line(text: str, result: Classification, *, as_json: bool) -> str:
    if as_json:
        labels = [{"label": one.name, "probability": one.probability} for one in result.labels]
        return json_text({"text": text, "labels": labels})
    columns = [part for one in result.labels for part in (one.name, f"{one.probability:.4f}")]
    line = "\t".join(columns)
    return visible(line, keep="\t") if sys.stdout.isatty() else line
