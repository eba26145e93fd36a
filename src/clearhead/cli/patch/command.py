"""`clearhead patch`: patches the run of one text with another's, part by part."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import ConfigError
from ...files import write_whole
from ...visible import json_text
from ..inspect import Model, check_outputs, model_options, read_text
from ..terminal.heatmap import Paper
from ._page import as_json, measure_of, page, write_picture
from ._texts import Pair, Word, pair_of, word_of

if TYPE_CHECKING:
    from ...sweeps.result import Sweep


@click.command()
@click.argument("model")
@click.option("--clean", required=True, metavar="TEXT", help="The text with the right answer.")
@click.option(
    "--corrupted", required=True, metavar="TEXT", help="The same with other words, as many tokens."
)
@click.option("--answer", required=True, metavar="WORD", help="What the clean text is answered by.")
@click.option(
    "--against", metavar="WORD", help="The corrupted text's answer, whose logit is taken off."
)
@click.option(
    "--target-text",
    metavar="TEXT",
    help="What the decoder of an encoder-decoder model has written so far [nothing].",
)
@click.option(
    "--over",
    multiple=True,
    default=["heads"],
    show_default=True,
    type=click.Choice(["heads", "layers", "positions"]),
    help="What is patched: outputs of heads, of whole blocks, or of blocks at one position; may be "
    "given again.",
)
@click.option(
    "--layers",
    multiple=True,
    metavar="PATTERN",
    help='Only these modules, such as "*.mlp"; may be given again.',
)
@click.option(
    "--top", default=10, show_default=True, type=click.IntRange(min=1), help="How many to list."
)
@model_options
@click.option("--batch-size", default=8, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw the shares, a panel for each --over: a .png or .svg file.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    help="Write the sweep to a file that clearhead.Sweep.load and the page of recordings open.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    help="Write all numbers to a JSON file; - prints them instead of the page.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Store numbers in this file as they come; another call goes on with it.",
)
def command(
    model: str, clean: str, corrupted: str, answer: str, against: str | None,
    target_text: str | None, over: tuple[Any, ...], layers: tuple[str, ...], top: int,
    device: str | None, dtype: str, batch_size: int, plot: Path | None, save: Path | None,
    json_file: Path | None, resume: Path | None,
) -> None:  # fmt: skip
    """Find what in MODEL carries the difference between two texts.

    MODEL is the name of a model on the Hugging Face hub, or a folder. It reads the corrupted text,
    and each of its parts in turn gets its numbers of the clean one. A part that brings the clean
    text's answer back carries what differs.

    \b
        clearhead patch gpt2 --clean "When Mary and John went out, John gave a drink to" \\
            --corrupted "When Mary and John went out, Mary gave a drink to" \\
            --answer Mary --against John --over heads --over positions --plot parts.png
    """
    over = tuple(dict.fromkeys(over))
    check_outputs(plot, [None if str(json_file) == "-" else json_file, resume, save])
    _check_one(over, save=save, json=json_file, resume=resume)
    first, second = read_text(clean, "--clean"), read_text(corrupted, "--corrupted")
    subject = Model(model, device, dtype, writes=True)
    pair = pair_of(subject, first, second, target_text)
    right = word_of(subject, answer, "--answer")
    other = None if against is None else word_of(subject, against, "--against")
    settings = {"modules": list(layers) or None, "batch_size": batch_size, "resume": resume}
    results = [_sweep(subject, pair, right, other, one, settings) for one in over]
    measure = measure_of(right, other)
    if plot is not None:
        write_picture(plot, subject, pair, measure, results)
    if save is not None:
        results[0].save(save)
    if json_file is not None:
        text = json_text(as_json(subject, pair, right, other, results[0]), indent=1) + "\n"
        if str(json_file) == "-":
            sys.stdout.write(text)
            return
        write_whole(json_file, text)
    paper = Paper.of()
    for piece in page(subject, pair, measure, results, paper, top=top):
        click.echo(piece, color=paper.colour)


def _check_one(over: tuple[str, ...], **files: Path | None) -> None:
    """Check that an output file of one sweep is requested only with a single sweep."""
    names = [name for name, file in files.items() if file is not None]
    if len(over) > 1 and names:
        raise ConfigError(
            f"--{names[0]} is a file of one sweep, and --over asks for {len(over)}: "
            f"{', '.join(over)}. Call the command for each of them."
        )


def _sweep(
    model: Model, pair: Pair, answer: Word, against: Word | None, over: Any,
    settings: dict[str, Any],
) -> Sweep:  # fmt: skip
    """Return the effects of patching each part, with the tokens of the texts."""
    from ...attribution.target import Target
    from ...sweeps.sweep import sweep

    result = sweep(
        model.model,
        metric=Target(answer.id, None if against is None else against.id, pair.position),
        over=over,
        clean=_inputs(model, pair, clean=True),
        corrupted=_inputs(model, pair, clean=False),
        progress=_progress if sys.stderr.isatty() else None,
        **settings,
    )
    tokens = {"edited": tuple(pair.corrupted.labels), "source": tuple(pair.clean.labels)}
    if pair.target is not None:
        tokens["decoder"] = tuple(pair.target.labels)
    return replace(result, tokens=tokens)


def _inputs(model: Model, pair: Pair, *, clean: bool) -> dict[str, Any]:
    import torch

    tokens = pair.clean if clean else pair.corrupted
    inputs = {"input_ids": torch.tensor([tokens.ids], device=model.device)}
    if pair.target is not None:
        inputs["decoder_input_ids"] = torch.tensor([pair.target.ids], device=model.device)
    return inputs


def _progress(count: int, total: int) -> None:
    end = "\n" if count == total else ""
    click.echo(f"\r{count:,} of {total:,} edits{end}", err=True, nl=False)
