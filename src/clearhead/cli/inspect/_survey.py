"""`clearhead inspect MODEL --input FILE`: surveys every head over a corpus, in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..parts import (
    LINES_PER_PART,
    LineCounter,
    Shard,
    check_begun,
    check_columns,
    run_on_ray,
    tell_products,
)
from ..terminal.heatmap import Paper
from ._survey_page import survey_page

if TYPE_CHECKING:
    from ...batch.job.folder import Job

# Options that apply only to a corpus, and their defaults.
_ALONE = {
    "column": None,
    "target_column": None,
    "output": None,
    "engine": None,
    "shard": None,
    "resume": False,
    "workers": None,
    "lines_per_part": None,
    "table": None,
    "picture": None,
    "quiet": False,
}
_FATE = "were rejected, and are in no number"


def survey_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a survey to a command."""
    options = [
        click.option(
            "--input", "source", metavar="FILES",
            help="Read each line of a file or a pattern (.gz too), and sum up over all lines.",
        ),
        click.option(
            "--column", type=click.IntRange(min=1), help="Of the text, in tab-separated files."
        ),
        click.option(
            "--target-column", type=click.IntRange(min=1),
            help="Of what the decoder reads [what the model writes itself].",
        ),
        click.option("--output", metavar="DIR", help="The folder of a survey's files."),
        click.option("--engine", type=click.Choice(["ray"]), help="Read on many cores by Ray."),
        click.option("--shard", type=Shard(), help="Read one of n parts of --input: 2/8."),
        click.option("--resume", is_flag=True, help="Go on with the survey in --output."),
        click.option("--workers", type=click.IntRange(min=1), help="Of --engine ray. [all cores]"),
        click.option(
            "--lines-per-part", type=click.IntRange(min=1),
            help=f"Of a survey without --shard. [{LINES_PER_PART}]",
        ),
        click.option(
            "--table", type=click.Choice(["parquet", "csv", "none"]),
            help="Written beside heads.json. [parquet]",
        ),
        click.option(
            "--picture", type=click.Choice(["png", "svg", "none"]),
            help="Drawn beside heads.json. [png]",
        ),
        click.option("--quiet", is_flag=True, help="A survey's files, and no page."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def is_survey(survey: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Return whether a command is about a corpus.

    Args:
        survey: the values of `survey_options`.
        others: the options for a single text, as spelled, with their values.

    Raises:
        UsageError: it mixes a corpus and a single text, or gives neither.
    """
    if survey["source"] is None:
        for name, neutral in _ALONE.items():
            if survey[name] != neutral:
                raise click.UsageError(f"--{name.replace('_', '-')} goes with --input.")
        if others["--text"] is None:
            raise click.UsageError("Give one text with --text, or a corpus with --input.")
        return False
    for name, value in others.items():
        if value not in (None, False):
            raise click.UsageError(f"{name} is about one text, and --input is a corpus. Give one.")
    if survey["source"] == "-" or survey["output"] is None:
        raise click.UsageError(
            "A survey reads files and writes to a folder: give --input FILES and --output DIR."
        )
    if survey["shard"] is not None and survey["engine"] is not None:
        raise click.UsageError("--shard is one part by hand; --engine ray does all. Give one.")
    for name, other, wrong in (
        ("workers", "--engine ray", survey["engine"] is None),
        ("lines_per_part", "all parts, not with --shard", survey["shard"] is not None),
    ):
        if survey[name] is not None and wrong:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with {other}.")
    return True


def survey_heads(
    model: str, options: Mapping[str, Any], layers: tuple[str, ...], device: str | None,
    dtype: str, top: int,
) -> None:  # fmt: skip
    """Survey a corpus, or one shard of it, and print the results over all lines.

    Raises:
        UsageError: some parts exist already, and ``--resume`` was not given.
        ClearheadError, OSError: see `Job`, `LineSurvey`.
    """
    job = _job(model, options, layers, device, dtype)
    shard = options["shard"]
    numbers = [shard[0]] if shard else range(1, job.plan.count + 1)
    job.open()
    check_begun(job, numbers, resume=options["resume"])
    counter = LineCounter(options["quiet"], sum(job.plan.part(number).lines for number in numbers))
    if options["engine"] == "ray":
        run_on_ray(job, options["workers"], counter)
    else:
        for number in numbers:
            job.write_part(number, on_lines=counter.add)
    whole = job.finish()
    rejects = sum(job.rejects(number) for number in numbers)
    counter.close(rejects, options["output"], _FATE)
    paper = Paper.of()
    for piece in _answer(job, model, whole, paper, top, quiet=options["quiet"]):
        click.echo(piece, color=paper.colour)


def _answer(
    job: Job, model: str, whole: Mapping[str, Any] | None, paper: Paper, top: int, *, quiet: bool
) -> Iterator[str]:
    """Yield the text to print when a part is written, or all are."""
    if whole is None:
        missing = len(job.remaining_parts())
        if not quiet:
            yield (
                f"{job.plan.count - missing} of {job.plan.count} parts are complete. The last one "
                f"writes what all of them show."
            )
        return
    tell_products(whole, "numbers may differ in their last digits more")
    if not quiet:
        outputs = [job.files(number).output for number in range(1, job.plan.count + 1)]
        statistics = job.work.statistics(outputs)  # type: ignore[attr-defined]
        files = [job.folder / one["name"] for one in whole["results"]]
        yield from survey_page(model, statistics, whole["rejects"], files, paper, top)


def _job(
    model: str, options: Mapping[str, Any], layers: tuple[str, ...], device: str | None, dtype: str
) -> Job:
    from ...batch.job.folder import Job, find_inputs, survey_inputs
    from ...batch.job.plan import Plan
    from ...surveys.line_survey import LineSurvey
    from ...surveys.survey import HeadSurvey

    paths = find_inputs(options["source"])
    check_columns(paths, options["column"])
    work = LineSurvey(
        HeadSurvey(model, layers=layers, device=_device(device, options["engine"]), dtype=dtype),
        options["column"],
        options["target_column"],
        options["table"] or "parquet",
        options["picture"] or "png",
    )
    surveys = survey_inputs(paths)
    if options["shard"]:
        plan = Plan.of_shards(surveys, work.settings, options["shard"][1], work.grain)
    else:
        lines = options["lines_per_part"] or LINES_PER_PART
        plan = Plan.of_lines(surveys, work.settings, lines, work.grain)
    return Job(Path(options["output"]).absolute(), plan, work)


def _device(name: str | None, engine: str | None) -> str:
    """Return the device for the model: on Ray, a CPU core per worker; else a GPU if possible."""
    import torch

    if engine is None:
        return name or ("cuda" if torch.cuda.is_available() else "cpu")
    if name not in (None, "cpu"):
        raise click.UsageError(
            f"--engine ray reads on cores, not on {name}. Start a --shard for each GPU."
        )
    return "cpu"
