"""`clearhead trace`: prints every number that a model computes from a text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from clearhead.errors import ConfigError
from clearhead.reference.tracing.step import Step
from clearhead.shapes import Array
from clearhead.translation.attention_paths import PARTS
from clearhead.visible import json_text, visible

from ..terminal.heatmap import Paper
from ..terminal.paragraphs import heading, prose
from ..texts import TextArgument, TextCommand
from ._compare import differences
from ._head import Head
from ._lens import tell_attribution, tell_lens
from ._plot import check_plot, plot_head
from ._subject import Subject
from ._text import tell_head, tell_next, tell_prompt, tell_step, tell_tokens


def _check_range(option: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        raise ConfigError(f"{option} must be between 0 and {count - 1} here; it is {value}.")


def _tell(subject: Subject, head: Head, row: int, position: int, paper: Paper) -> Iterator[str]:
    """Yield the whole page in pieces."""
    yield from _tell_text(subject, paper)
    config = subject.model.config
    stack = head.path.partition(".")[0]
    layers = getattr(config, f"{stack}_layers")
    heads = config.of_stack(stack).num_heads
    yield from tell_head(head, row, paper, layers=layers, heads=heads, parts=subject.parts)
    likeliest = subject.likeliest(position)
    next_ = "next tokens" if subject.target else "tokens here"
    yield heading(f"The {len(likeliest.tokens)} likeliest {next_}", paper)
    labels = subject.labels(subject.ids)
    place = " ".join(labels[: position + 1]) if subject.target else labels[position]
    yield prose(f"{'After' if subject.target else 'In the place of'} {place}", paper)
    pieces = subject.labels(likeliest.tokens)
    (target_piece,) = subject.labels([likeliest.target_token])
    # An encoder does not choose a next token: it predicts the token at each position.
    choice = target_piece if subject.target else ""
    yield tell_next(pieces, likeliest.probabilities, choice, paper)
    if subject.target and target_piece not in pieces:
        # Beam search maximises the probability of the whole sentence, and --target may be anything.
        yield (
            f"taken: {target_piece} ({likeliest.target_probability:.4f}, "
            f"number {likeliest.target_rank})"
        )
    yield heading("Reference (NumPy, float64) against the fast models", paper)
    yield "The largest difference of a log-probability, over all positions and all tokens:"
    for name, difference in differences(subject):
        value = (
            'not installed; pip install "clearhead[torch]"'
            if difference is None
            else f"{difference:.1e}"
        )
        yield f"  {name:34s} {value}"


def _tell_text(subject: Subject, paper: Paper) -> Iterator[str]:
    """Yield the model's input, and its prediction at each position."""
    predicted = subject.predicted
    shares = subject.probabilities[np.arange(len(predicted)), list(predicted)].tolist()
    after = subject.labels(predicted)
    text = visible(subject.text, keep="\n\t")
    if subject.translates:
        yield from tell_tokens(
            text,
            visible(subject.translation, keep="\n\t"),
            subject.labels(subject.source),
            subject.labels(subject.target),
            after,
            shares,
            paper,
            read=subject.read,
        )
    else:
        labels = subject.labels(subject.ids)
        yield from tell_prompt(text, labels, after, shares, paper, writes=bool(subject.target))


def _plain(value: Array) -> Any:
    """Return an array as nested lists for JSON; infinity, which JSON lacks, becomes null."""
    if value.dtype.kind != "f" or np.isfinite(value).all():
        return value.tolist()
    plain = value.astype(object)
    plain[~np.isfinite(value)] = None
    return plain.tolist()


def _step_as_json(step: Step, value: Array) -> dict[str, Any]:
    return {
        "axes": list(step.axes[-value.ndim :] if value.ndim else ()),
        "shape": list(value.shape),
        "formula": step.formula,
        "of": list(step.of),
        "value": _plain(value),
    }


def _as_json(subject: Subject, head: Head | None, steps: list[Step], position: int) -> str:
    likeliest = subject.likeliest(position)
    content: dict[str, Any] = {"text": subject.text, "model": subject.name}
    if subject.translates:
        content["read"] = subject.read
        content["translation"] = subject.translation
        content["source_tokens"] = subject.pieces(subject.source)
        content["target_tokens"] = subject.pieces(subject.target)
    else:
        content["tokens"] = subject.pieces(subject.ids)
    if head is not None:
        content["head"] = {"path": head.path, "head": head.number, "steps": {
            name: _step_as_json(head.steps[name], value) for name, value in head.values.items()
        }}  # fmt: skip
    else:
        content["steps"] = {step.path: _step_as_json(step, step.value) for step in steps}
    content["next"] = [
        {"token": piece, "probability": share}
        for piece, share in zip(
            subject.pieces(likeliest.tokens), likeliest.probabilities, strict=True
        )
    ]
    content["differences"] = dict(differences(subject))
    return json_text(content)


@click.command(cls=TextCommand)
@click.argument("text", type=TextArgument())
@click.option("-m", "--model", default="en-fr", show_default=True, help="A name, or a folder.")
@click.option("--task", help="What someone else's model is to do, such as en-fr.")
@click.option("--register", type=click.Choice(["auto", "tu", "vous"]), default="auto",
              help="How a translation says you, of a model trained with it. [auto]")  # fmt: skip
@click.option("--target", help="Look at this translation instead of the model's own.")
@click.option(
    "--part", type=click.Choice(list(PARTS)),
    help="Whose attention: the encoder's, the decoder's, or the decoder's to the encoder. [cross]",
)  # fmt: skip
@click.option("--layer", default=0, show_default=True, help="Which layer, counted from 0.")
@click.option("--head", default=0, show_default=True, help="Which head, counted from 0.")
@click.option("--query", type=int, help="Whose sums are spelled out: a row, counted from 0 [1].")
@click.option(
    "--position", type=int,
    help="Which next token: after this one, counted from 0; of a text with masks, in its place. "
    "[the first of a translation, the last of a prompt, the first mask]",
)  # fmt: skip
@click.option("--lens", is_flag=True, help="What each layer would say at --position, instead.")
@click.option(
    "--attribute",
    is_flag=True,
    help="What each head and layer adds to the logit of the token after --position, instead.",
)
@click.option("--token", help="Of --attribute: another token, as the vocabulary writes it.")
@click.option("--path", help="Print the steps whose path matches, such as '*.weights', instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--save", type=click.Path(path_type=Path), help="Write every step to a safetensors file."
)
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw the head into a .png or .svg file."
)
def command(
    text: str, model: str, task: str | None, register: str, target: str | None,
    part: str | None, layer: int, head: int,
    query: int | None, position: int | None, lens: bool, attribute: bool, token: str | None,
    path: str | None, as_json: bool, save: Path | None, plot: Path | None,
) -> None:  # fmt: skip
    """Print every number between TEXT and what a model makes of it.

    A translation, what follows a prompt, or the words for masks. In order: the tokens, one
    attention head step by step, the likeliest next tokens, and how far the fast models are from
    the reference. Steps are named by paths such as
    decoder.layers.1.cross_attention.scores; --path lists those that match a pattern.
    """
    if plot is not None:
        check_plot(plot)
    if sum((lens, attribute, path is not None)) > 1:
        raise click.UsageError("Give one of --lens, --attribute and --path.")
    if token is not None and not attribute:
        raise click.UsageError("--token is for --attribute.")
    subject = Subject(model, text, target, task=task, register=register)
    position = subject.position if position is None else position
    _check_range("--position", position, len(subject.ids))
    paper = Paper.of()
    if lens or attribute:
        stretches = (
            tell_lens(subject, position, paper)
            if lens
            else tell_attribution(subject, position, token, paper)
        )
        _print(stretches, paper)
        return
    part = part or subject.part
    attention_head = None if path is not None else subject.head(part, layer, head)
    if save is not None:
        # Contributions are left out: they are large, and follow from the weights and values.
        subject.trace().save(save)
    if plot is not None:
        plot_head(attention_head or subject.head(part, layer, head), plot)
    steps = subject.steps(path) if path is not None else []
    if as_json:
        click.echo(_as_json(subject, attention_head, steps, position))
        return
    if attention_head is None:
        _print((tell_step(step, paper) for step in steps), paper)
        return
    row = min(1, len(attention_head.queries) - 1) if query is None else query
    _check_range("--query", row, len(attention_head.queries))
    _print(_tell(subject, attention_head, row, position, paper), paper)


def _print(stretches: Iterator[str], paper: Paper) -> None:
    for stretch in stretches:
        click.echo(stretch, color=paper.colour)
