"""Numbers that are written: traces, recordings, sweeps; and a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from clearhead.text.tokenizer import Tokenizer
from tests.faults import samples
from tests.faults.operations.operation import Operation, model, which

# -- a trace --


def _trace(text: str) -> Any:
    import clearhead

    return clearhead.trace(text, model=str(model()))


def save_trace(there: Path, text: str) -> None:
    _trace(text).save(there / "trace.safetensors")


def _look_at_trace(there: Path) -> str:
    from clearhead.reference.tracing.trace import Trace

    trace = Trace.load(there / "trace.safetensors")
    steps = {step.path: step.value for step in trace}
    for name, text in (("earlier", "the house"), ("new", "the old house")):
        reference = {step.path: step.value for step in _trace(text)}
        if reference.keys() == steps.keys() and all(
            np.array_equal(reference[path], steps[path]) for path in steps
        ):
            return name
    raise AssertionError("the trace is neither the earlier one nor the new one")


# -- a recording --


def _save_recording(there: Path, seed: int) -> None:
    samples.recording(seed).save(there / "recording.safetensors")


def _look_at_recording(there: Path) -> str:
    import clearhead

    stored = clearhead.load_recording(there / "recording.safetensors")
    return which(*(_weights(one) for one in (stored, samples.recording(4), samples.recording())))


def _weights(recording: Any) -> list[bytes]:
    return [one.dense().numpy().tobytes() for one in recording.values()]


# -- a tokenizer --


def _look_at_tokenizer(there: Path) -> str:
    stored = Tokenizer.load(there / "tokenizer.json").to_json()
    earlier = Tokenizer.train(["another text"] * 4, 270).to_json()
    return which(stored, earlier, samples.tokenizer().to_json())


# -- a sweep's numbers --


def sweep_units() -> list[Any]:
    from clearhead.sweeps.units import Unit

    return [Unit("a", (0, head)) for head in range(4)]


def sweep_file(there: Path) -> Any:
    from clearhead.sweeps.progress_file import ProgressFile

    return ProgressFile(there / "sweep.json", {"edit": "zero", "metric": 1.0}, sweep_units())


def write_sweep(there: Path, count: int) -> None:
    """Go on with a sweep until so many of its numbers are there."""
    file = sweep_file(there)
    with file.writing():
        for unit in sweep_units()[:count]:
            if unit not in file:
                file.add({unit: float(unit.entry[1])})


def _look_at_sweep(there: Path) -> str:
    file = sweep_file(there)
    values = np.full((1, 4), -1.0)
    file.fill(values)
    count = sum(unit in file for unit in sweep_units())
    assert count
    assert values[0, :count].tolist() == list(range(count))
    return "new" if count == 4 else "earlier"


OPERATIONS = (
    Operation(
        "save a trace",
        lambda there: save_trace(there, "the house"),
        lambda there: save_trace(there, "the old house"),
        _look_at_trace,
    ),
    Operation(
        "save a recording",
        lambda there: _save_recording(there, 4),
        lambda there: _save_recording(there, 3),
        _look_at_recording,
    ),
    Operation(
        "save a tokenizer",
        lambda there: Tokenizer.train(["another text"] * 4, 270).save(there / "tokenizer.json"),
        lambda there: samples.tokenizer().save(there / "tokenizer.json"),
        _look_at_tokenizer,
    ),
    Operation(
        "write a sweep's numbers",
        lambda there: write_sweep(there, 1),
        lambda there: write_sweep(there, 4),
        _look_at_sweep,
    ),
)
