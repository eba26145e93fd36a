"""`clearhead train`: train a Transformer from a TOML file."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, require

if TYPE_CHECKING:
    from ..training.settings import Settings


def _override(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set needs KEY=VALUE, such as training.max_steps=2000; got {text!r}.")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run [runs/CONFIG].")
@click.option(
    "--data",
    "data_folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that relative corpus paths begin from [the working folder].",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting, such as training.max_steps=2000. May be given several times.",
)
@click.option("--max-steps", type=int, help="Short for --set training.max_steps=N.")
@click.option("--threads", type=int, help="Short for --set training.threads=N.")
@click.option("--device", help="Short for --set training.device=NAME.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    help="Share each step's batches (training.accumulation) among so many processes [1].",
)
def command(
    config: Path,
    run: Path | None,
    data_folder: Path | None,
    overrides: tuple[str, ...],
    max_steps: int | None,
    threads: int | None,
    device: str | None,
    processes: int,
) -> None:
    """Train a Transformer as CONFIG (a TOML file) says.

    Killed at any moment and started again with the same command, it goes on from its last
    checkpoint, in the middle of an epoch too, and ends with the same weights.
    """
    from ..training.settings import Settings

    changes = dict(map(_override, overrides))
    flags = {"max_steps": max_steps, "threads": threads, "device": device}
    changes |= {f"training.{name}": value for name, value in flags.items() if value is not None}
    settings = Settings.from_toml(config, changes)
    if processes > 1 and "WORLD_SIZE" not in os.environ:
        _launch(processes, settings)
        return
    require("torch", extra="torch", purpose="Training")
    _train(settings, run or Path("runs") / config.stem, data_folder)


def _launch(processes: int, settings: Settings) -> None:
    from ..training.launch import check_processes, launch

    check_processes(processes, settings.training.accumulation)
    status = launch(sys.argv[1:], processes)
    if status:
        sys.exit(status)


def _train(settings: Settings, run: Path, data_folder: Path | None) -> None:
    from ..training.launch import LOST_CONTACT, end_with_launcher
    from ..training.loop import Trainer
    from ..training.parallel import LostContactError

    end_with_launcher()
    try:
        trainer = Trainer(settings, run, data_folder=data_folder)
        folder = trainer.train()
    except LostContactError as error:
        click.echo(f"clearhead: {error}", err=True)
        sys.exit(LOST_CONTACT)
    if trainer.processes.first:
        click.echo(folder)
