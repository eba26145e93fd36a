"""`clearhead trace`: every number between a sentence and its translation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import numpy as np

from clearhead.errors import ConfigError
from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.trace import Trace
from clearhead.shapes import Array
from clearhead.translation.attention_paths import PARTS
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.walkthrough import Likeliest, likeliest_tokens, walk_through
from clearhead.visible import json_text, visible

from ..heatmap import Paper
from ..paragraphs import heading, prose
from ..texts import TextArgument, TextCommand
from ._compare import differences
from ._head import Head, head_of
from ._plot import check_plot, plot_head
from ._text import tell_head, tell_next, tell_step, tell_tokens


class TracedSentence:
    """A sentence walked through by the reference, as this command prints it."""

    def __init__(self, model: str, text: str, target: str | None) -> None:
        self.model, self.text = model, text
        self.checkpoint = read_checkpoint(model)
        config = self.checkpoint.config
        if not (config.encoder_layers and config.decoder_layers):
            raise ConfigError("clearhead trace needs a model with an encoder and a decoder.")
        engine = self.checkpoint.engine(np.float64)
        self.walkthrough = walk_through(text, self.checkpoint, engine, target=target)
        self.source = self.pieces(self.walkthrough.source)
        self.target = self.pieces(self.walkthrough.target)
        self.source_labels, self.target_labels = printable(self.source), printable(self.target)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token as it is written in the vocabulary."""
        return self.checkpoint.tokenizer.pieces(ids)

    @cached_property
    def _last_steps(self) -> Trace:
        return self.walkthrough.trace(keep=("logits", "probabilities"))

    @property
    def logits(self) -> Array:
        """Of the reference, Float["target_len vocab"]."""
        return self._last_steps["logits"].value[0]

    @property
    def probabilities(self) -> Array:
        """Of the reference, Float["target_len vocab"]."""
        return self._last_steps["probabilities"].value[0]

    def steps(self, pattern: str) -> list[Step]:
        """Return the steps whose path matches.

        Raises:
            TraceError: none does; the message names some that there are.
        """
        matches = self.walkthrough.trace(keep=pattern)
        return (matches if len(matches) else self.walkthrough.trace()).find(pattern)

    def head(self, part: str, layer: int, number: int) -> Head:
        """Return one attention head with all its steps."""
        path = PARTS[part].format(layer=layer)
        # The other layers' weights tell how many layers there are, where that one is missing.
        pattern = PARTS[part].format(layer="*")
        trace = self.walkthrough.trace(keep=(f"{path}.*", f"{pattern}.weights"))
        return head_of(trace, part, layer, number, self.source_labels, self.target_labels)

    def likeliest(self, position: int) -> Likeliest:
        """Return the likeliest tokens after the decoder's token at a position."""
        return likeliest_tokens(
            self.probabilities[position],
            self.walkthrough.predicted[position],
            self.checkpoint.tokenizer.vocab_size,
        )


def printable(pieces: Sequence[str]) -> list[str]:
    """Return pieces of a vocabulary without the escape codes of a terminal that one may hold."""
    return [visible(piece) for piece in pieces]


def _check_range(option: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        raise ConfigError(f"{option} must be between 0 and {count - 1} here; it is {value}.")


def _tell(
    sentence: TracedSentence, head: Head, row: int, position: int, paper: Paper
) -> Iterator[str]:
    """Yield the whole page, a stretch at a time."""
    walkthrough = sentence.walkthrough
    predicted = walkthrough.predicted
    yield from tell_tokens(
        visible(sentence.text, keep="\n\t"),
        visible(walkthrough.translation, keep="\n\t"),
        sentence.source_labels,
        sentence.target_labels,
        printable(sentence.pieces(predicted)),
        sentence.probabilities[np.arange(len(predicted)), list(predicted)].tolist(),
        paper,
        read=walkthrough.read,
    )
    config = sentence.checkpoint.config
    layers = config.encoder_layers if head.path.startswith("encoder") else config.decoder_layers
    yield from tell_head(head, row, paper, layers=layers, heads=config.num_heads)
    likeliest = sentence.likeliest(position)
    yield heading(f"The {len(likeliest.tokens)} likeliest next tokens", paper)
    yield prose(f"After {' '.join(sentence.target_labels[: position + 1])}", paper)
    pieces = printable(sentence.pieces(likeliest.tokens))
    (target_piece,) = printable(sentence.pieces([likeliest.target_token]))
    yield tell_next(pieces, likeliest.probabilities, target_piece, paper)
    if target_piece not in pieces:
        # Beam search keeps what makes the whole sentence likely, and --target may be anything.
        yield (
            f"taken: {target_piece} ({likeliest.target_probability:.4f}, "
            f"number {likeliest.target_rank})"
        )
    yield heading("Reference (NumPy, float64) against the fast models", paper)
    yield "The largest difference of a log-probability, over all positions and all tokens:"
    for name, difference in differences(sentence.checkpoint, walkthrough, sentence.logits):
        value = (
            'not installed; pip install "clearhead[torch]"'
            if difference is None
            else f"{difference:.1e}"
        )
        yield f"  {name:34s} {value}"


def _plain(value: Array) -> Any:
    """Return an array as nested lists for JSON, which has no infinity: null stands for it."""
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


def _as_json(sentence: TracedSentence, head: Head | None, steps: list[Step], position: int) -> str:
    likeliest = sentence.likeliest(position)
    walkthrough = sentence.walkthrough
    content: dict[str, Any] = {
        "text": sentence.text,
        "read": walkthrough.read,
        "translation": walkthrough.translation,
        "model": sentence.model,
        "source_tokens": sentence.source,
        "target_tokens": sentence.target,
    }
    if head is not None:
        content["head"] = {"path": head.path, "head": head.number, "steps": {
            name: _step_as_json(head.steps[name], value) for name, value in head.values.items()
        }}  # fmt: skip
    else:
        content["steps"] = {step.path: _step_as_json(step, step.value) for step in steps}
    content["next"] = [
        {"token": piece, "probability": share}
        for piece, share in zip(
            sentence.pieces(likeliest.tokens), likeliest.probabilities, strict=True
        )
    ]
    content["differences"] = dict(differences(sentence.checkpoint, walkthrough, sentence.logits))
    return json_text(content)


@click.command(cls=TextCommand)
@click.argument("text", type=TextArgument())
@click.option("--model", default="en-fr", show_default=True, help="Name of a model, or its folder.")
@click.option("--target", help="Look at this translation instead of the model's own.")
@click.option(
    "--part", type=click.Choice(list(PARTS)), default="cross", show_default=True,
    help="Whose attention: the encoder's, the decoder's, or the decoder's to the encoder.",
)  # fmt: skip
@click.option("--layer", default=0, show_default=True, help="Which layer, counted from 0.")
@click.option("--head", default=0, show_default=True, help="Which head, counted from 0.")
@click.option("--query", type=int, help="Whose sums are spelled out: a row, counted from 0 [1].")
@click.option("--position", default=0, help="Which next token: after this one of the target [0].")
@click.option("--path", help="Print the steps whose path matches, such as '*.weights', instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--save", type=click.Path(path_type=Path), help="Write every step to a safetensors file."
)
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw the head into a .png or .svg file."
)
def command(
    text: str, model: str, target: str | None, part: str, layer: int, head: int, query: int | None,
    position: int, path: str | None, as_json: bool, save: Path | None, plot: Path | None,
) -> None:  # fmt: skip
    """Translate TEXT and print every number on the way.

    In order: the tokens, one attention head step by step, the likeliest next tokens, and how far
    the fast models are from the reference. Steps are named by paths such as
    decoder.layers.1.cross_attention.scores; --path lists those that match a pattern.
    """
    if plot is not None:
        check_plot(plot)
    sentence = TracedSentence(model, text, target)
    _check_range("--position", position, len(sentence.target))
    attention_head = None if path is not None else sentence.head(part, layer, head)
    if save is not None:
        # Contributions are left out: they are large, and weights and value give them.
        sentence.walkthrough.trace().save(save)
    if plot is not None:
        plot_head(attention_head or sentence.head(part, layer, head), plot)
    steps = sentence.steps(path) if path is not None else []
    if as_json:
        click.echo(_as_json(sentence, attention_head, steps, position))
        return
    paper = Paper.of()
    if attention_head is None:
        for step in steps:
            click.echo(tell_step(step, paper), color=paper.colour)
        return
    row = min(1, len(attention_head.queries) - 1) if query is None else query
    _check_range("--query", row, len(attention_head.queries))
    for stretch in _tell(sentence, attention_head, row, position, paper):
        click.echo(stretch, color=paper.colour)
