"""Translates corpora in parts: ``--shard i/n`` by hand, ``--engine ray`` on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearhead.cli.parts import (
    LINES_PER_PART,
    LineCounter,
    Shard,
    check_begun,
    check_columns,
    run_on_ray,
    tell_products,
)

if TYPE_CHECKING:
    from clearhead.batch.job.folder import Job

# Options that apply only to a job in parts, and their defaults.
_ALONE = {
    "resume": False,
    "column": None,
    "worker_engine": None,
    "workers": None,
    "lines_per_part": None,
}
_OF_RAY = ("worker_engine", "workers", "lines_per_part")


def bulk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of corpora in parts to a command."""
    options = [
        click.option("--shard", type=Shard(), help="Translate one of n parts of --input: 2/8."),
        click.option("--resume", is_flag=True, help="Go on with the parts in --output."),
        click.option(
            "--column", type=click.IntRange(min=1), help="Of the text, in tab-separated files."
        ),
        click.option(
            "--worker-engine",
            type=click.Choice(["numpy", "torch", "ctranslate2"]),
            help="Who translates in a worker of --engine ray. [numpy]",
        ),
        click.option("--workers", type=click.IntRange(min=1), help="Of --engine ray. [all cores]"),
        click.option(
            "--lines-per-part",
            type=click.IntRange(min=1),
            help=f"Of --engine ray. [{LINES_PER_PART}]",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def is_bulk(options: dict[str, Any]) -> bool:
    """Return whether a command is about a corpus in parts.

    Raises:
        UsageError: it is not, but has options that need one; or it mixes two ways.
    """
    on_ray = options["engine"] == "ray"
    if options["shard"] is not None and on_ray:
        raise click.UsageError("--shard is one part by hand; --engine ray does all. Give one.")
    is_any = on_ray or options["shard"] is not None
    for name, neutral in _ALONE.items():
        if options[name] != neutral and (not is_any or (name in _OF_RAY and not on_ray)):
            partner = "--engine ray" if name in _OF_RAY else "--shard or --engine ray"
            raise click.UsageError(f"--{name.replace('_', '-')} goes with {partner}.")
    return is_any


def translate_in_parts(
    texts: tuple[str, ...],
    source: str | None,
    output: str | None,
    options: dict[str, Any],
    load: Callable[[dict[str, Any]], Any],
    call_options: Callable[[Any, dict[str, Any]], dict[str, Any]],
) -> None:
    """Translate one shard of a corpus, or all its parts on Ray.

    Raises:
        UsageError: the input, or the folder for the output, is missing.
        ClearheadError, OSError: see `Job`.
    """
    if texts or source in (None, "-") or output is None:
        raise click.UsageError(
            "A corpus in parts is read from files and written to a folder: give --input FILE and "
            "--output DIR."
        )
    from clearhead.batch.job.folder import find_inputs

    paths = find_inputs(str(source))
    check_columns(paths, options["column"])
    job = _job(paths, Path(output), options, load, call_options)
    numbers = [options["shard"][0]] if options["shard"] else range(1, job.plan.count + 1)
    job.open()
    check_begun(job, numbers, resume=options["resume"])
    counter = LineCounter(options["quiet"], sum(job.plan.part(number).lines for number in numbers))
    if options["shard"]:
        manifest = job.write_part(options["shard"][0], on_lines=counter.add)
        rejects = manifest["rejects"]["count"]
    else:
        run_on_ray(job, options["workers"], counter)
        rejects = None
    whole = job.finish()
    if rejects is None:
        assert whole is not None  # an error was raised if a part is missing
        rejects = whole["rejects"]
    counter.close(rejects, output, "were rejected, and are empty in the output (null with --json)")
    if whole is not None:
        tell_products(whole, "a few sentences may read otherwise")


def _job(
    paths: list[Path],
    folder: Path,
    options: dict[str, Any],
    load: Callable[[dict[str, Any]], Any],
    call_options: Callable[[Any, dict[str, Any]], dict[str, Any]],
) -> Job:
    from clearhead.batch.job.folder import Job, survey_inputs
    from clearhead.batch.job.line_translator import FORMS, LineTranslator
    from clearhead.batch.job.plan import Plan
    from clearhead.translation.translator import Translator

    engine = options["worker_engine"] or "numpy"
    if options["shard"] and options["engine"] != "auto":
        engine = options["engine"]
    translator = load(options)
    call = call_options(translator, {**options, "threads": 1, "engine": "auto"})
    if isinstance(translator, Translator):
        del call["threads"]  # the division of work on a machine does not change the output
        choice = translator.choose_engine(engine, options["compute"])
        call |= {"engine": choice.engine, "compute": choice.compute}
    elif engine != "numpy":
        raise click.UsageError(f"The engine {engine} is for models of clearhead; leave it.")
    form = {name: bool(options[name]) for name in FORMS}
    line_translator = LineTranslator(translator, call, form, options["column"])
    settings = line_translator.settings
    surveys, grain = survey_inputs(paths), line_translator.grain
    if options["shard"]:
        plan = Plan.of_shards(surveys, settings, options["shard"][1], grain)
    else:
        plan = Plan.of_lines(surveys, settings, options["lines_per_part"] or LINES_PER_PART, grain)
    return Job(folder.absolute(), plan, line_translator)
