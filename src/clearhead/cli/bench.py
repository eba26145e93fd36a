"""`clearhead bench`: runs the benchmarks of a repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from ..errors import ConfigError

NAMES = (
    *("startup", "translation", "training", "attention_maps", "attention_weights"),
    *("map_measures", "explorer"),
)


def benchmarks_root() -> Path:
    """Return the folder that contains ``benchmarks/``: the repository, or the working folder.

    Raises:
        ConfigError: there is none; a wheel does not contain the benchmarks.
    """
    package = Path(__file__).resolve().parent.parent
    for root in (package.parent.parent, Path.cwd()):
        if all(_module_file(root / "benchmarks", name).is_file() for name in NAMES):
            return root
    raise ConfigError(
        "The benchmarks are in clearhead's repository and not in the installed package: they "
        "compare it with systems that it does not need. Clone the repository and run "
        "`clearhead bench` in it."
    )


def _module_file(folder: Path, name: str) -> Path:
    """Return the file that ``python -m benchmarks.NAME`` runs: a module, or a package's."""
    package = folder / name / "__main__.py"
    return package if package.parent.is_dir() else folder / f"{name}.py"


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
)
@click.argument("name", required=False, type=click.Choice(NAMES))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line a benchmark.")
@click.option("--quick", is_flag=True, help="A tiny size, to see that it runs; nothing is kept.")
@click.option("--output", type=click.Path(), help="Folder to keep it in [benchmarks/results].")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def command(
    name: str | None, as_json: bool, quick: bool, output: str | None, options: tuple[str, ...]
) -> None:
    """Measure speed beside other systems: NAME, or all of them.

    Needs the repository's benchmarks folder. Each prints a table with its ratios and keeps it in
    benchmarks/results. OPTIONS after a NAME go to that benchmark: `clearhead bench startup
    --model FOLDER`, `clearhead bench training --heads 8`.
    """
    root = benchmarks_root()
    shared = ["--json"] * as_json + ["--quick"] * quick
    if output:
        shared += ["--output", str(Path(output).resolve())]
    package = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    status = 0
    for number, benchmark in enumerate([name] if name else NAMES):
        if number and not as_json:
            click.echo()
        completed_run = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{benchmark}", *shared, *options],
            cwd=root,
            env={**os.environ, "PYTHONPATH": path},
        )
        status = status or completed_run.returncode
    sys.exit(status)
