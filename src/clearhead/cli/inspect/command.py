"""`clearhead inspect`: the attention of a Hugging Face model while it reads a text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import ConfigError, TextError, require
from ...files import write_whole
from ...surveys.text_model import PURPOSE, Model, Tokens
from ...visible import json_text
from ..terminal.heatmap import Paper
from ._ablation import ablate as ablate_parts
from ._ablation import ablation_json, ablation_page
from ._copying import copying_of
from ._findings import StackFindings, as_json, stacks_of, summaries
from ._heads import head_stacks, heads_json, heads_page
from ._page import page
from ._plot import plot_stacks
from ._survey import is_survey, survey_heads, survey_options

if TYPE_CHECKING:
    from ...maps.recording.recording import Recording


def read_text(argument: str, option: str) -> str:
    """Return a text: the file of this name, standard input for "-", or the argument itself.

    Raises:
        TextError: the text is empty, or the file is not UTF-8.
    """
    text = argument
    try:
        if argument == "-":
            text = sys.stdin.read()
        elif Path(argument).is_file():
            text = Path(argument).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise TextError(f"{option} {argument!r} is not a text in UTF-8: {error}.") from error
    except OSError:
        pass  # too long for a file name
    if not text.strip():
        raise TextError(f"{option} is empty; give a text, or the name of a file that holds one.")
    return text


def check_outputs(plot: Path | None, files: Sequence[Path | None]) -> None:
    """Fail before the work instead of after it if outputs cannot be written.

    Raises:
        ConfigError: a file cannot be written there.
        MissingExtraError: PyTorch, transformers or matplotlib is not installed.
    """
    require("torch", extra="inspect", purpose=PURPOSE)
    require("transformers", extra="inspect", purpose=PURPOSE)
    if plot is not None:
        from ...maps.pictures.panels import check_target

        check_target(plot)
    for file in (plot, *files):
        if file is not None and not file.absolute().parent.is_dir():
            raise ConfigError(f"There is no folder {str(file.parent)!r} to write {file.name!r} in.")


def _record(
    model: Model, source: Tokens, target: Tokens | None, layers: Sequence[str], *, keep: bool
) -> Recording:
    """Record one pass; only the measures are kept unless `keep` is set."""
    with model.recording_of(layers, None if keep else summaries()) as recording:
        model.run(source, target)
    if not len(recording):
        raise ConfigError(
            f"Nothing was recorded: no attention of {type(model.model).__name__} was met"
            + (f" in {', '.join(layers)}." if layers else ".")
        )
    return recording


def _notes(recording: Recording) -> list[str]:
    """Return notes on what could not be read, with the reasons."""
    unreadable = [f"Not read: {name}: {one.why}." for name, one in recording.refusals.items()]
    return [*unreadable, *recording.notes]


def _plot(recording: Recording, stacks: Sequence[StackFindings], title: str, path: Path) -> None:
    layers = [layer for stack in stacks for layer in stack.layers]
    if len(layers) > 1:
        plot_stacks(stacks, title, path)
        return
    (attention_map,) = recording.calls(layers[0].name)
    attention_map.plot(save=path)


def _write_json(
    path: Path, model: Model, source: Tokens, target: Tokens | None,
    stacks: list[dict[str, Any]], notes: Sequence[str],
) -> None:  # fmt: skip
    inspection: dict[str, Any] = {
        "model": model.name,
        "class": type(model.model).__name__,
        "dtype": model.dtype,
        "source_tokens": source.labels,
    }
    if target is not None:
        inspection["target_tokens"] = target.labels
    inspection["stacks"] = stacks
    inspection["notes"] = list(notes)
    text = json_text(inspection, indent=1) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        write_whole(path, text)


def _show_ablation(
    model: Model, source: Tokens, target: Tokens | None, over: str, top: int, plot: Path | None,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Print, plot and write the effect of removing each part of the model."""
    result = ablate_parts(model, source, target, over)
    if plot is not None:
        result.plot(title=f"{result.measure} on log p, {model.name}", save=plot)
    if json_file is not None:
        text = json_text({"model": model.name, **ablation_json(result)}, indent=1) + "\n"
        if str(json_file) == "-":
            sys.stdout.write(text)
            return
        write_whole(json_file, text)
    paper = Paper.of()
    for piece in ablation_page(model, source, target, result, paper, top):
        click.echo(piece, color=paper.colour)


def _show_heads(
    recording: Recording, model: Model, source: Tokens, target: Tokens | None,
    notes: Sequence[str], top: int, plot: Path | None, json_file: Path | None,
) -> None:  # fmt: skip
    """Print, plot and write the kind of each head."""
    kinds = recording.heads(copying=copying_of(model, source, target))
    stacks = head_stacks(recording)
    if plot is not None:
        kinds.plot(save=plot)
    if json_file is not None:
        _write_json(json_file, model, source, target, heads_json(kinds, stacks), notes)
    if str(json_file) != "-":
        paper = Paper.of()
        for piece in heads_page(model, kinds, stacks, source, target, paper, top=top, notes=notes):
            click.echo(piece, color=paper.colour)


def model_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the device and dtype of a model."""
    dtype = click.option(
        "--dtype",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", "float32", "bfloat16", "float16", "float64"]),
        help="What the model computes in; auto is that of its weights.",
    )
    device = click.option(
        "--device", help="Where the model runs, such as cpu [a GPU where there is one]."
    )
    return device(dtype(function))


@click.command()
@click.argument("model")
@click.option("--text", metavar="FILE|TEXT", help="What the model reads; - is stdin.")
@click.option(
    "--target-text",
    metavar="FILE|TEXT",
    help="What the decoder of an encoder-decoder model reads [what the model writes itself].",
)
@click.option(
    "--layers",
    multiple=True,
    metavar="PATTERN",
    help="Only these modules: a name, a pattern with *, or a number; may be given again.",
)
@click.option(
    "--top",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many links and tokens to list.",
)
@click.option("--heads", is_flag=True, help="Show what kind each head is, and no other measure.")
@click.option(
    "--ablate",
    type=click.Choice(["heads", "layers"]),
    help="Show how much worse the model foresees the text without each of these.",
)
@model_options
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="Draw layers by heads, or the heads of a single layer, into a .png or .svg file.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    help="Write all numbers to a JSON file; - prints them instead of the page.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    help="Write the recording, for clearhead.load_recording.",
)
@survey_options
def command(
    model: str, text: str | None, target_text: str | None, layers: tuple[str, ...], top: int,
    heads: bool, ablate: str | None, device: str | None, dtype: str, plot: Path | None,
    json_file: Path | None, save: Path | None, **survey: Any,
) -> None:  # fmt: skip
    """Show what MODEL attends to in a text, or over a corpus.

    MODEL is the name of a model on the Hugging Face hub, or a folder. It runs once, unchanged and
    with its fused attention; memory grows with the length of the text, not with its square.

    With --input it reads each line of a corpus alone, and writes what all of them show of each
    head to a folder: means, variances, histograms and kinds. Parts, workers and kills change no
    byte of it.
    """
    of_one_text = {
        "--text": text,
        "--target-text": target_text,
        "--heads": heads,
        "--ablate": ablate,
        "--plot": plot,
        "--json": json_file,
        "--save": save,
    }
    if is_survey(survey, of_one_text):
        check_outputs(None, [])
        survey_heads(model, survey, layers, device, dtype, top)
        return
    assert text is not None
    check_outputs(plot, [save, None if str(json_file) == "-" else json_file])
    source_text = read_text(text, "--text")
    decoder_text = None if target_text is None else read_text(target_text, "--target-text")
    if ablate is not None and (heads or save is not None or layers):
        raise ConfigError(
            "--ablate edits all heads or layers and records nothing: leave out --heads, --layers "
            "and --save."
        )
    subject = Model(model, device, dtype, writes=ablate is not None, copies=heads)
    if decoder_text is not None and not subject.two_stacks:
        raise ConfigError(
            f"--target-text is for models with an encoder and a decoder; {model} reads one text."
        )
    source, target = subject.tokens(source_text), None
    if subject.two_stacks:
        target = (
            subject.generate_target(source)
            if decoder_text is None
            else subject.tokens(decoder_text, target=True)
        )
    if ablate is not None:
        _show_ablation(subject, source, target, ablate, top, plot, json_file)
        return
    # The heads of one layer are drawn from queries and keys; everything else needs only measures.
    keep = save is not None or heads or (plot is not None and len(layers) == 1)
    recording = _record(subject, source, target, layers, keep=keep)
    notes = [*subject.notes, *_notes(recording)]
    if save is not None:
        recording.save(save)
    if heads:
        _show_heads(recording, subject, source, target, notes, top, plot, json_file)
        return
    stacks = stacks_of(recording, source, target)
    if plot is not None and stacks:
        _plot(recording, stacks, f"{type(subject.model).__name__} of {subject.name}", plot)
    if json_file is not None:
        described = as_json(stacks, source, target, top)
        _write_json(json_file, subject, source, target, described, notes)
    if str(json_file) != "-":
        paper = Paper.of()
        for piece in page(subject, stacks, source, target, paper, top=top, notes=notes):
            click.echo(piece, color=paper.colour)
