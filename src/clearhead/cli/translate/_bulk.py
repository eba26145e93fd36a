"""Corpora in parts: ``--shard i/n`` by hand, ``--engine ray`` on a cluster."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from clearhead.batch.job.folder import Job

LINES_PER_PART = 10_000
# What has a meaning for a job in parts alone, by its option, and what it is where nothing was said.
_ALONE = {
    "resume": False,
    "column": None,
    "worker_engine": None,
    "workers": None,
    "lines_per_part": None,
}
_OF_RAY = ("worker_engine", "workers", "lines_per_part")


class Shard(click.ParamType):
    """The type of ``2/8``: the second of eight shards."""

    name = "i/n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return the number of the shard, from 1, and how many there are."""
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(value))
        number, count = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= count:
            self.fail(f"{value!r} is no shard such as 2/8, the second of eight.", param, ctx)
        return number, count


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
    """Tell whether a command is about a corpus in parts.

    Raises:
        UsageError: it is not, and has options that only such a one has; or it mixes two ways.
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
        UsageError: there is no input or no folder for the output.
        ClearheadError, OSError: see `Job`.
    """
    if texts or source in (None, "-") or output is None:
        raise click.UsageError(
            "A corpus in parts is read from files and written to a folder: give --input FILE and "
            "--output DIR."
        )
    from clearhead.batch.job.folder import find_inputs

    paths = find_inputs(str(source))
    _check_columns(paths, options["column"])
    job = _job(paths, Path(output), options, load, call_options)
    numbers = [options["shard"][0]] if options["shard"] else range(1, job.plan.count + 1)
    job.open()
    if not options["resume"]:
        _refuse_begun_parts(job, numbers, output)
    counter = _Counter(options["quiet"], sum(job.plan.part(number).lines for number in numbers))
    if options["shard"]:
        manifest = job.write_part(options["shard"][0], on_lines=counter.add)
        rejects = manifest["rejects"]["count"]
    else:
        _run_on_ray(job, options["workers"], counter)
        rejects = None
    whole = job.finish()
    if rejects is None:
        assert whole is not None  # every part is complete, or an error was raised
        rejects = whole["rejects"]
    counter.close(rejects, output)
    if whole is not None and len(whole["products"]) > 1:
        click.echo(
            f"clearhead: the parts were computed with different matrix products, "
            f"{' and '.join(whole['products'])}, because the machines have different processors: "
            f"a few sentences may read otherwise than on machines of one kind.",
            err=True,
        )


def _refuse_begun_parts(job: Job, numbers: Iterable[int], output: str) -> None:
    for number in numbers:
        if job.files(number).is_begun:
            raise click.UsageError(
                f"Part {number} is begun or done in {output}. Add --resume to go on, or name "
                f"another folder."
            )


def _run_on_ray(job: Job, workers: int | None, counter: _Counter) -> None:
    from clearhead.batch.job.on_ray import run_on_ray

    run_on_ray(job, workers=workers, on_part=lambda manifest: counter.add(manifest["lines"]))


def _check_columns(paths: list[Path], column: int | None) -> None:
    for path in paths:
        if column is None and ".tsv" in path.suffixes[-2:]:
            raise click.UsageError(
                f"{path.name} has columns with tabs between them: name the text's, --column 1."
            )


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
        del call["threads"]  # how a machine divides the work changes nothing
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


class _Counter:
    """How many lines are done, on standard error: now and then while they are, and at the end."""

    def __init__(self, quiet: bool, total: int) -> None:
        self._quiet, self._total = quiet, total
        self._lines, self._start = 0, time.monotonic()
        self._is_visible = not quiet and sys.stderr.isatty()

    def add(self, lines: int) -> None:
        """Count so many more lines."""
        self._lines += lines
        if self._is_visible:
            pace = self._lines / max(time.monotonic() - self._start, 1e-9)
            text = f"\r{self._lines:,} of {self._total:,} lines, {pace:,.1f} a second\x1b[K"
            click.echo(text, err=True, nl=False)

    def close(self, rejects: int, folder: str) -> None:
        """Say what became of all; rejected lines are told however quiet one wants it."""
        if self._is_visible:
            click.echo("\r\x1b[K", err=True, nl=False)
        if rejects:
            click.echo(
                f"clearhead: {rejects:,} of {self._total:,} lines were rejected, and are empty in "
                f"the output (null with --json). Their places and reasons are in "
                f"{folder}/*.rejects.jsonl",
                err=True,
            )
        elif not self._quiet:
            click.echo(f"clearhead: {self._total:,} lines, none rejected.", err=True)
