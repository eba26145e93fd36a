"""``clearhead score``: how likely a model finds each pair of a corpus."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .lines import Progress


@click.command()
@click.argument("model")
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="File of scores to write, one for each pair.",
)
@click.option("--reverse", "is_reverse", is_flag=True, help="MODEL translates French to English.")
@click.option("--tag", help="Tag before each source, such as vous.")
@click.option(
    "--batch-tokens", type=click.IntRange(min=1), help="Target tokens computed at once. [2048]"
)
def command(
    model: str,
    corpus: str,
    output: Path,
    is_reverse: bool,
    tag: str | None,
    batch_tokens: int | None,
) -> None:
    """Write the score that MODEL gives to each pair of CORPUS (English, a tab, French).

    A score is the mean log-probability of a token of the translation. `clearhead prepare` leaves
    out the pairs of the lowest scores. Stopped and started again with the same words, it goes on
    where it ended.
    """
    from ..corpora.scoring import BATCH_TOKENS, score_corpus

    progress = Progress(is_visible=sys.stderr.isatty())
    try:
        score_corpus(
            model,
            corpus,
            output,
            is_reverse=is_reverse,
            tag=tag,
            batch_tokens=batch_tokens or BATCH_TOKENS,
            on_progress=progress.advance,
        )
    finally:
        progress.close()
    click.echo(output)
