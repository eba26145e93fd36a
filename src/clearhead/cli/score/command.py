"""``clearhead score``: scores each pair of a corpus by its probability under a model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import require
from ..lines import Progress

if TYPE_CHECKING:
    from ...corpora.scoring import Likelihood
    from ...translation.checkpoint import Checkpoint


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
    "--engine",
    type=click.Choice(["numpy", "torch"]),
    default="numpy",
    show_default=True,
    help="What computes; torch is faster where it is installed.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of matrix products; bfloat16 needs --engine torch.",
)
@click.option(
    "--batch-tokens", type=click.IntRange(min=1), help="Target tokens computed at once. [2048]"
)
def command(
    model: str,
    corpus: str,
    output: Path,
    is_reverse: bool,
    tag: str | None,
    engine: str,
    precision: str,
    batch_tokens: int | None,
) -> None:
    """Write the score that MODEL gives to each pair of CORPUS (English, a tab, French).

    A score is the mean log-probability of a token of the translation. `clearhead prepare` leaves
    out the pairs of the lowest scores. Stopped and started again with the same words, it goes on
    where it ended.
    """
    from ...corpora.scoring import BATCH_TOKENS, reference_likelihood, score_corpus

    if engine == "numpy" and precision != "float32":
        raise click.UsageError(f"NumPy has no {precision}: give --engine torch, too.")
    progress = Progress(is_visible=sys.stderr.isatty())
    try:
        score_corpus(
            model,
            corpus,
            output,
            is_reverse=is_reverse,
            likelihood_of=_torch(precision) if engine == "torch" else reference_likelihood,
            precision=precision,
            tag=tag,
            batch_tokens=batch_tokens or BATCH_TOKENS,
            on_progress=progress.advance,
        )
    finally:
        progress.close()
    click.echo(output)


def _torch(precision: str) -> Callable[[Checkpoint], Likelihood]:
    """Return a function that prepares a model to be computed with PyTorch."""
    require("torch", extra="torch", purpose="Scoring with --engine torch")
    from ...training.likelihood import TargetLikelihood

    return lambda checkpoint: TargetLikelihood(checkpoint.config, checkpoint.weights, precision)
