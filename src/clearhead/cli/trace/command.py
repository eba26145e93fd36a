"""`clearhead trace`: every number between a sentence and its translation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import numpy as np

from clearhead.errors import ConfigError
from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.trace import Trace
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.tracing import Pass, translated_pass
from clearhead.visible import json_text, visible

from ..heatmap import Paper
from ..paragraphs import heading, prose
from ..texts import TextArgument, TextCommand
from ._compare import differences
from ._head import PARTS, Head, head_of
from ._plot import check_plot, plot_head
from ._text import tell_head, tell_next, tell_step, tell_tokens

Array = np.ndarray[Any, Any]

NEXT = 10


@dataclass(frozen=True)
class Likely:
    """The likeliest next tokens at one position, best first."""

    pieces: list[str]
    probabilities: list[float]
    taken: str
    taken_probability: float
    taken_rank: int


class Sentence:
    """One model and one sentence: its translation, its forward pass and what is read from it."""

    def __init__(self, model: str, text: str, target: str | None) -> None:
        self.model, self.text = model, text
        self.checkpoint = read_checkpoint(model)
        config = self.checkpoint.config
        if not (config.encoder_layers and config.decoder_layers):
            raise ConfigError("clearhead trace needs a model with an encoder and a decoder.")
        engine = self.checkpoint.engine(np.float64)
        self.reference = engine.model
        self.given: Pass = translated_pass(self.checkpoint, engine, text, target=target)
        self.source = self.checkpoint.tokenizer.pieces(self.given.source)
        self.target = self.checkpoint.tokenizer.pieces(self.given.target)
        self.shown_source, self.shown_target = printable(self.source), printable(self.target)

    def traced(self, keep: tuple[str, ...] | None) -> Trace:
        """The forward pass again, with these steps recorded."""
        trace = Trace(keep=keep)
        source, target = np.array([self.given.source]), np.array([self.given.target])
        self.reference.forward(source, target, trace=trace)
        return trace

    @cached_property
    def _last(self) -> Trace:
        return self.traced(("logits", "probabilities"))

    @property
    def logits(self) -> Array:
        """Of the reference, Float["target_len vocab"]."""
        return self._last["logits"].value[0]

    @property
    def probabilities(self) -> Array:
        """Of the reference, Float["target_len vocab"]."""
        return self._last["probabilities"].value[0]

    @property
    def translation(self) -> str:
        """The translation's text."""
        return self.checkpoint.tokenizer.decode(self.given.target)

    @property
    def predicted(self) -> list[int]:
        """What follows each of the decoder's tokens, the end token last."""
        return [*self.given.target[1:], self.checkpoint.config.end_id]

    def steps(self, pattern: str) -> list[Step]:
        """The steps whose path matches; TraceError, naming some that there are, if none does."""
        asked = self.traced((pattern,))
        return (asked if len(asked) else self.traced(None)).find(pattern)

    def head(self, part: str, layer: int, number: int) -> Head:
        """One attention head with all its steps."""
        path = PARTS[part].format(layer=layer)
        # The other layers' weights tell how many layers there are, where that one is missing.
        pattern = PARTS[part].format(layer="*")
        trace = self.traced((f"{path}.*", f"{pattern}.weights"))
        return head_of(trace, part, layer, number, self.shown_source, self.shown_target)

    def likely(self, position: int) -> Likely:
        """The likeliest tokens after the decoder's token at a position."""
        row, taken = self.probabilities[position], self.predicted[position]
        # A model's vocabulary may be rounded up; ids beyond the tokenizer's have no name.
        best = np.argsort(-row[: self.checkpoint.tokenizer.vocab_size], kind="stable")[:NEXT]
        pieces = self.checkpoint.tokenizer.pieces
        return Likely(
            pieces([int(token) for token in best]),
            [float(row[token]) for token in best],
            pieces([taken])[0],
            float(row[taken]),
            int((row > row[taken]).sum()) + 1,
        )


def printable(pieces: Sequence[str]) -> list[str]:
    """Pieces of a vocabulary as they may be printed: one may hold a terminal's escape codes."""
    return [visible(piece) for piece in pieces]


def _in_range(option: str, asked: int, count: int) -> None:
    if not 0 <= asked < count:
        raise ConfigError(f"{option} must be between 0 and {count - 1} here; it is {asked}.")


def _tell(sentence: Sentence, head: Head, row: int, position: int, paper: Paper) -> Iterator[str]:
    """The whole page, a piece at a time."""
    yield from tell_tokens(
        visible(sentence.text, keep="\n\t"),
        visible(sentence.translation, keep="\n\t"),
        sentence.shown_source,
        sentence.shown_target,
        printable(sentence.checkpoint.tokenizer.pieces(sentence.predicted)),
        sentence.probabilities[np.arange(len(sentence.target)), sentence.predicted].tolist(),
        paper,
        read=sentence.given.read,
    )
    config = sentence.checkpoint.config
    layers = config.encoder_layers if head.path.startswith("encoder") else config.decoder_layers
    yield from tell_head(head, row, paper, layers=layers, heads=config.num_heads)
    likely = sentence.likely(position)
    yield heading(f"The {len(likely.pieces)} likeliest next tokens", paper)
    yield prose(f"After {' '.join(sentence.shown_target[: position + 1])}", paper)
    pieces, taken = printable(likely.pieces), visible(likely.taken)
    yield tell_next(pieces, likely.probabilities, taken, paper)
    if taken not in pieces:
        # Beam search keeps what makes the whole sentence likely, and --target may be anything.
        yield f"taken: {taken} ({likely.taken_probability:.4f}, number {likely.taken_rank})"
    yield heading("Reference (NumPy, float64) against the fast models", paper)
    yield "The largest difference of a log-probability, over all positions and all tokens:"
    for name, found in differences(sentence.checkpoint, sentence.given, sentence.logits):
        shown = 'not installed; pip install "clearhead[torch]"' if found is None else f"{found:.1e}"
        yield f"  {name:34s} {shown}"


def _plain(value: Array) -> Any:
    """An array as nested lists for JSON, which has no infinity: null stands for it."""
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


def _as_json(sentence: Sentence, head: Head | None, steps: list[Step], position: int) -> str:
    likely = sentence.likely(position)
    found: dict[str, Any] = {
        "text": sentence.text,
        "read": sentence.given.read,
        "translation": sentence.translation,
        "model": sentence.model,
        "source_tokens": sentence.source,
        "target_tokens": sentence.target,
    }
    if head is not None:
        found["head"] = {"path": head.path, "head": head.number, "steps": {
            name: _step_as_json(head.steps[name], value) for name, value in head.values.items()
        }}  # fmt: skip
    else:
        found["steps"] = {step.path: _step_as_json(step, step.value) for step in steps}
    found["next"] = [
        {"token": piece, "probability": share}
        for piece, share in zip(likely.pieces, likely.probabilities, strict=True)
    ]
    found["differences"] = dict(differences(sentence.checkpoint, sentence.given, sentence.logits))
    return json_text(found)


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
    sentence = Sentence(model, text, target)
    _in_range("--position", position, len(sentence.target))
    chosen = None if path is not None else sentence.head(part, layer, head)
    if save is not None:
        # Contributions are left out: they are large, and weights and value give them.
        sentence.traced(None).save(save)
    if plot is not None:
        plot_head(chosen or sentence.head(part, layer, head), plot)
    steps = sentence.steps(path) if path is not None else []
    if as_json:
        click.echo(_as_json(sentence, chosen, steps, position))
        return
    paper = Paper.of()
    if chosen is None:
        for step in steps:
            click.echo(tell_step(step, paper), color=paper.colour)
        return
    row = min(1, len(chosen.queries) - 1) if query is None else query
    _in_range("--query", row, len(chosen.queries))
    for piece in _tell(sentence, chosen, row, position, paper):
        click.echo(piece, color=paper.colour)
