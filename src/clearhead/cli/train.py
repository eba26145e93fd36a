"""`clearhead train`: trains a Transformer as a TOML file says."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..errors import ConfigError, require
from ..file_reading import FileProblem, parse_toml

if TYPE_CHECKING:
    from ..training.processes.stopping import Stop
    from ..training.settings import Settings


def _override(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set needs KEY=VALUE, such as training.max_steps=2000; got {text!r}.")
    try:
        return key, parse_toml(f"value = {value}")["value"]
    except FileProblem:
        return key, value


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
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
@click.option(
    "--from",
    "initial",
    metavar="MODEL",
    help="Begin from a model, ours or one that transformers saved, with its tokenizer; short for "
    "--set training.initial=MODEL.",
)
@click.option("--max-steps", type=int, help="Short for --set training.max_steps=N.")
@click.option("--threads", type=int, help="Short for --set training.threads=N.")
@click.option("--device", help="Short for --set training.device=NAME.")
@click.option(
    "--teacher",
    metavar="MODEL",
    help="A model that writes the targets of every corpus, from which the run then learns.",
)
@click.option(
    "--from-target",
    is_flag=True,
    help="The teacher translates the other way, and writes the sources.",
)
@click.option(
    "--back-translation-tag",
    is_flag=True,
    help="Put <bt> before every source that the teacher writes.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="Share each step among so many processes [as many as there are cores and work for].",
)
@click.option(
    "--verify",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="RUN_A RUN_B",
    help="Train nothing; say at which step two runs part, and in which tensor.",
)
def command(
    config: Path | None,
    run: Path | None,
    data_folder: Path | None,
    overrides: tuple[str, ...],
    initial: str | None,
    max_steps: int | None,
    threads: int | None,
    device: str | None,
    teacher: str | None,
    from_target: bool,
    back_translation_tag: bool,
    processes: int | None,
    verify: tuple[Path, Path] | None,
) -> None:
    """Train a Transformer as CONFIG (a TOML file) says.

    Killed at any moment and started again with the same command, it goes on from its last
    checkpoint, in the middle of an epoch too, and ends with the same weights. Ctrl-C and SIGTERM
    save a checkpoint first. torchrun may start it, too, on one machine or several.
    """
    from ..training.processes.stopping import Stop
    from ..training.settings import Settings

    if verify:
        _verify(*verify)
    if config is None:
        raise click.UsageError("Name the settings of a run, CONFIG, or two runs with --verify.")
    changes = dict(map(_override, overrides))
    flags = {"initial": initial, "max_steps": max_steps, "threads": threads, "device": device}
    changes |= {f"training.{name}": value for name, value in flags.items() if value is not None}
    settings = _with_teacher(
        Settings.from_toml(config, changes), teacher, from_target, back_translation_tag
    )
    run = run or Path("runs") / config.stem
    # Set before PyTorch loads OpenMP: otherwise threads that wait for one whose core is used by
    # another program would spin, and keep that program from ending.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if "WORLD_SIZE" not in os.environ:
        count = _process_count(settings, run, processes)
        if count > 1:
            _launch(count, settings)
            return
    elif "CLEARHEAD_MEETING" not in os.environ:
        _check_torchrun(processes)
    stop = Stop()
    _follow_launcher(stop)
    with stop.listening():
        require("torch", extra="torch", purpose="Training")
        _train(settings, run, data_folder, stop)


def _with_teacher(
    settings: Settings, teacher: str | None, from_target: bool, back_translation_tag: bool
) -> Settings:
    """Return the settings, with a teacher for every corpus that has none."""
    from dataclasses import replace

    if back_translation_tag and not from_target:
        raise click.UsageError(
            "--back-translation-tag is about sources that a machine writes: it goes with "
            "--teacher MODEL --from-target."
        )
    if teacher is None:
        if from_target:
            raise click.UsageError("--from-target is about what --teacher MODEL writes.")
        return settings
    rows = tuple(
        row
        if row.teacher
        else replace(
            row,
            teacher=teacher,
            from_target=from_target,
            back_translation_tag=row.back_translation_tag or back_translation_tag,
        )
        for row in settings.data.corpus
    )
    return replace(settings, data=replace(settings.data, corpus=rows))


def _verify(first: Path, second: Path) -> NoReturn:
    from ..training.measures.verification import verify

    verification = verify(first, second)
    for sentence in verification.sentences():
        click.echo(sentence)
    sys.exit(0 if verification.agree else 1)


def _check_torchrun(processes: int | None) -> None:
    """Refuse --processes if it differs from torchrun's number."""
    count = os.environ["WORLD_SIZE"]
    if processes and str(processes) != count:
        raise ConfigError(
            f"torchrun has started {count} process{'es' * (count != '1')} of this run, and "
            f"--processes says {processes}. Leave --processes out: torchrun decides."
        )


def _process_count(settings: Settings, run: Path, processes: int | None) -> int:
    """Return the number of processes: as requested, or as the run began, or by the cores."""
    from ..training.processes.workers import choose_processes, processes_of_run, usable_cores

    return processes or processes_of_run(run) or choose_processes(settings.training, usable_cores())


def _launch(processes: int, settings: Settings) -> None:
    from ..training.processes.launch import check_processes, launch

    options = settings.training
    check_processes(processes, options.batch_tokens * options.accumulation)
    status = launch(sys.argv[1:], processes)
    if status:
        sys.exit(status)


def _follow_launcher(stop: Stop) -> None:
    from ..training.processes.launch import end_with_launcher

    end_with_launcher(stop)


def _train(settings: Settings, run: Path, data_folder: Path | None, stop: Stop) -> None:
    from ..training.loop import Trainer
    from ..training.processes.launch import LOST_CONTACT
    from ..training.processes.parallel import LostContactError
    from ..training.processes.stopping import StoppedError

    try:
        trainer = Trainer(settings, run, data_folder=data_folder, stop=stop)
        folder = trainer.train()
    except LostContactError as error:
        click.echo(f"clearhead: {error}", err=True)
        sys.exit(LOST_CONTACT)
    except StoppedError as error:
        click.echo(f"clearhead: {error}", err=True)
        sys.exit(128 + error.signal)
    if trainer.processes.first:
        click.echo(folder)
