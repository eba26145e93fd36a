"""Finds where two runs diverge: step and first tensor, by the hashes in their logs.

It also reports possible reasons: differences in settings, files and machines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_json
from ...visible import visible
from ..run_folder.log import read_log
from ..run_folder.progress import read_progress
from ..sources import NAME as SOURCES

_MOST_NAMES = 5


@dataclass(frozen=True)
class Verification:
    """The comparison of two runs at the steps that both measured.

    Attributes:
        same_until: the last step with equal weights before the first difference; None if there is
            none.
        same_steps: the number of steps with equal weights before the first difference.
        parted_at: the first step with different weights; None if there is none.
        tensors: the names of the tensors that differ there, in the order of the model.
        tensor_count: the number of tensors of the model; 0 if no step differs.
        first_log_difference: step, name and both values of the first difference in the log's lines
            on training steps; None if there is none.
        settings: settings that differ, with both values.
        files: settings whose files differ in content.
        machines: other facts that the bits depend on and that differ, with both values: PyTorch,
            threads, ...
        processes: the number of processes that each run was begun with, if they differ; this
            changes no bits.
        last_steps: the last measured step of each run.
    """

    same_until: int | None
    same_steps: int
    parted_at: int | None
    tensors: tuple[str, ...]
    tensor_count: int
    first_log_difference: tuple[int, str, float, float] | None
    settings: Mapping[str, tuple[Any, Any]]
    files: tuple[str, ...]
    machines: Mapping[str, tuple[Any, Any]]
    processes: tuple[int, int] | None
    last_steps: tuple[int, int]

    @property
    def agree(self) -> bool:
        """Whether all compared weights are equal."""
        return self.parted_at is None

    def sentences(self) -> list[str]:
        """Return the result in sentences."""
        until = f"up to step {self.same_until:,}" if self.same_until is not None else ""
        steps = f"{self.same_steps:,} step{'s' * (self.same_steps != 1)}"
        if self.parted_at is None:
            lines = [f"Same weights to the bit at all {steps} that both runs measured, {until}."]
        else:
            before = f"They are the same {until}." if until else "No step before has the same."
            lines = [
                f"The runs part: at step {self.parted_at:,} {len(self.tensors)} of "
                f"{self.tensor_count} tensors differ, the first is {self.tensors[0]}. {before}"
            ]
        if self.last_steps[0] != self.last_steps[1]:
            ends = [f"{step:,}" for step in self.last_steps]
            lines.append(
                f"The first has measured up to step {ends[0]} and the second up to step {ends[1]}; "
                f"of the steps after the earlier one nothing is compared."
            )
        if self.first_log_difference:
            step, name, first, second = self.first_log_difference
            lines.append(
                f"The first line that differs: step {step:,}, {name} {first} and {second}."
            )
        return [*lines, *self._reasons()]

    def _reasons(self) -> Iterable[str]:
        for name, (first, second) in list(self.settings.items())[:_MOST_NAMES]:
            yield f"Another setting: {name} is {json.dumps(first)} and {json.dumps(second)}."
        if len(self.settings) > _MOST_NAMES:
            yield f"{len(self.settings)} settings differ in all."
        for name in self.files:
            yield f"Another content: the files that {name} names are not the same."
        for name, (first, second) in self.machines.items():
            yield f"Another machine: {name} {visible(f'{first} and {second}')}."
        if self.processes:
            first, second = self.processes
            yield f"They were begun with {first} and {second} processes, which changes no bits."


def verify(first: Path, second: Path) -> Verification:
    """Compare the weights of two runs at all steps that both measured.

    Raises:
        CheckpointError: a folder is not a run, a run has no hashes, or no measured step is in
            common.
    """
    logs = [read_log(_log(run)) for run in (first, second)]
    weights = [
        {row["step"]: row["tensors"] for row in log if isinstance(row.get("tensors"), dict)}
        for log in logs
    ]
    for run, hashes in zip((first, second), weights, strict=True):
        if not hashes:
            raise CheckpointError(
                f"The log of {run} has no hashes of weights. They are written at every "
                f"measurement (training.evaluate_every) by this version; train with it."
            )
    machines = [_machine(run) for run in (first, second)]
    processes = [machine.pop("processes", 0) for machine in machines]
    common = sorted(weights[0].keys() & weights[1].keys())
    if not common:
        steps = " and ".join(f"{min(each):,} to {max(each):,}" for each in weights)
        raise CheckpointError(
            f"{first} and {second} have measured no step in common (steps {steps}). Set "
            f"training.evaluate_every alike."
        )
    parted = next((step for step in common if weights[0][step] != weights[1][step]), None)
    same = [step for step in common if parted is None or step < parted]
    tensors = [each[parted] for each in weights] if parted is not None else [{}, {}]
    return Verification(
        same_until=same[-1] if same else None,
        same_steps=len(same),
        parted_at=parted,
        tensors=tuple(_differing(*tensors)),
        tensor_count=len(tensors[0].keys() | tensors[1].keys()),
        first_log_difference=_first_difference(*logs),
        settings=_differences(*(_flat(_read(run / "settings.json")) for run in (first, second))),
        files=tuple(_other_files(first, second)),
        machines=_differences(*machines),
        processes=(processes[0], processes[1]) if len({0, *processes}) == 3 else None,
        last_steps=(max(weights[0]), max(weights[1])),
    )


def _log(run: Path) -> Path:
    path = run / "log.jsonl"
    if not path.is_file():
        raise CheckpointError(f"{run} is no run: there is no {path}. Name two runs' folders.")
    return path


def _differing(first: Mapping[str, str], second: Mapping[str, str]) -> Iterable[str]:
    for name in dict.fromkeys((*first, *second)):
        if first.get(name) != second.get(name):
            yield name


def _first_difference(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> tuple[int, str, float, float] | None:
    rows = [{row["step"]: row for row in log if row["kind"] == "train"} for log in (first, second)]
    for step in sorted(rows[0].keys() & rows[1].keys()):
        for name in ("loss", "gradient_norm", "learning_rate"):
            one, other = (each[step].get(name) for each in rows)
            if one is not None and other is not None and one != other:
                return int(step), name, float(one), float(other)
    return None


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: (first.get(name), second.get(name))
        for name in dict.fromkeys((*first, *second))
        if first.get(name) != second.get(name)
    }


def _other_files(first: Path, second: Path) -> Iterable[str]:
    """Yield the settings whose files differed when the runs were begun."""
    hashes = []
    for run in (first, second):
        rows = _read(run / SOURCES) if (run / SOURCES).exists() else {}
        names = rows if isinstance(rows, dict) else {}
        hashes.append({n: row.get("sha256") for n, row in names.items() if isinstance(row, dict)})
    yield from (name for name in hashes[0] if hashes[1].get(name, "") not in ("", hashes[0][name]))


def _machine(run: Path) -> dict[str, Any]:
    """Return the machine facts in a run's last state; an empty mapping if it has no state."""
    for state in sorted(run.glob("step-" + "[0-9]" * 8), reverse=True)[:1]:
        progress = read_progress(state)
        facts = {"precision": progress.precision, "micro-batches of a step": progress.micro_batches}
        return {**progress.machine, **facts}
    return {}


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except FileProblem as error:
        raise CheckpointError(f"Cannot read {path}: {error.reason}.") from error


def _flat(table: Any, prefix: str = "") -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, value in table.items() if isinstance(table, dict) else ():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            for i, item in enumerate(value):
                rows |= _flat(item, f"{prefix}{name}[{i}].")
        elif isinstance(value, dict):
            rows |= _flat(value, f"{prefix}{name}.")
        else:
            rows[prefix + name] = value
    return rows
