"""Options and checks for commands that process a corpus in parts: shards, Ray, progress."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from clearhead.batch.job.folder import Job

LINES_PER_PART = 10_000


class Shard(click.ParamType):
    """The option type of ``2/8``: the second of eight shards."""

    name = "i/n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return the number of the shard, from 1, and the number of shards."""
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(value))
        number, count = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= count:
            self.fail(f"{value!r} is no shard such as 2/8, the second of eight.", param, ctx)
        return number, count


def check_columns(paths: list[Path], column: int | None) -> None:
    """Check that a column is named for a file that has columns.

    Raises:
        UsageError: no column is named.
    """
    for path in paths:
        if column is None and ".tsv" in path.suffixes[-2:]:
            raise click.UsageError(
                f"{path.name} has columns with tabs between them: name the text's, --column 1."
            )


def check_begun(job: Job, numbers: Iterable[int], *, resume: bool) -> None:
    """Check that no part exists yet, unless the job is resumed.

    Raises:
        UsageError: a part exists already, complete or not.
    """
    for number in numbers:
        if not resume and job.files(number).is_begun:
            raise click.UsageError(
                f"Part {number} is begun or done in {job.folder}. Add --resume to go on, or name "
                f"another folder."
            )


def run_on_ray(job: Job, workers: int | None, counter: LineCounter) -> None:
    """Compute the missing parts of a job on Ray."""
    from clearhead.batch.job import on_ray

    on_ray.run_on_ray(job, workers=workers, on_part=lambda manifest: counter.add(manifest["lines"]))


def tell_products(manifest: Mapping[str, Any], effect: str) -> None:
    """Print a note if parts of the job were computed on processors that round differently."""
    if len(manifest["products"]) > 1:
        click.echo(
            f"clearhead: the parts were computed with different matrix products, "
            f"{' and '.join(manifest['products'])}, because the machines have different "
            f"processors: {effect} than on machines of one kind.",
            err=True,
        )


class LineCounter:
    """Shows the number of finished lines on standard error, now and then and at the end."""

    def __init__(self, quiet: bool, total: int) -> None:
        self._quiet, self._total = quiet, total
        self._lines, self._start = 0, time.monotonic()
        self._is_visible = not quiet and sys.stderr.isatty()

    def add(self, lines: int) -> None:
        """Add a number of lines to the count."""
        self._lines += lines
        if self._is_visible:
            pace = self._lines / max(time.monotonic() - self._start, 1e-9)
            text = f"\r{self._lines:,} of {self._total:,} lines, {pace:,.1f} a second\x1b[K"
            click.echo(text, err=True, nl=False)

    def close(self, rejects: int, folder: str, fate: str) -> None:
        """Print the final numbers; rejected lines are reported even with ``--quiet``.

        Args:
            rejects: the number of rejected lines.
            folder: of the job.
            fate: what happened to the lines, after "so many of so many lines".
        """
        if self._is_visible:
            click.echo("\r\x1b[K", err=True, nl=False)
        if rejects:
            click.echo(
                f"clearhead: {rejects:,} of {self._total:,} lines {fate}. Their places and reasons "
                f"are in {folder}/*.rejects.jsonl",
                err=True,
            )
        elif not self._quiet:
            click.echo(f"clearhead: {self._total:,} lines, none rejected.", err=True)
