"""What is written to files: each piece of work, and how its folder is read again.

`Operation.look` reads the folder with what reads such files in use, and says whether the earlier
file is there whole ("earlier") or the new one ("new"); for anything else it raises an error.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clearhead.text.tokenizer import Tokenizer
from tests.faults import samples
from tests.faults.samples import command
from tests.faults.system_calls import watch


@dataclass(frozen=True)
class Operation:
    """A piece of work that writes files.

    Attributes:
        name: in the table.
        begin: makes the folder as it is before the work.
        work: done in a process of its own, in that folder.
        look: says "earlier" or "new" of what is there.
        repeats: whether the same work is done again where it was finished, or refused.
        short_calls: at how many of its calls it is tried in the short form.
        most_calls: the same of the whole suite, of what computes long before it writes; None for
            all.
    """

    name: str
    begin: Callable[[Path], None]
    work: Callable[[Path], None]
    look: Callable[[Path], str]
    repeats: bool = True
    short_calls: int = 4
    most_calls: int | None = None


def which(there: object, earlier: object, new: object) -> str:
    """Say which of two contents is there."""
    if there == earlier:
        return "earlier"
    assert there == new, f"neither the earlier content nor the new one: {str(there)[:200]!r}"
    return "new"


# -- translating to a file --

_EARLIER = "what was there before\n"
_shared: dict[str, Path] = {}


def model() -> Path:
    """The model that every operation translates with; `share` made it."""
    return _shared["model"]


def shared(name: str) -> Path:
    """A folder or file that `share` made."""
    return _shared[name]


def share(folder: Path) -> None:
    """Make what all operations read, before any process is forked."""
    _shared["model"] = samples.write_model(folder / "model")
    _shared["other"] = samples.write_model(folder / "other", seed=4)
    _shared["folder"] = folder
    (folder / "lines.txt").write_text(samples.LINES)
    _translate(folder / "reference.txt")()
    samples.recording()
    samples.recording(4)
    reference = folder / "reference run"
    _shared["weights"] = reference / "model" / "model.safetensors"
    table = samples.run_table(folder / "corpora")
    do(lambda: samples.train(table, reference), folder)


def import_early(chosen: Iterable[Operation], base: Path) -> None:
    """Import here what the operations import when they work: each fork would do it again."""
    for number, operation in enumerate(chosen):
        folder = base / f"import {number}"
        folder.mkdir()
        names = folder / "modules"

        def work(one: Operation = operation, there: Path = folder, note: Path = names) -> None:
            before = set(sys.modules)
            one.begin(there)
            try:
                one.work(there)
            except SystemExit as end:
                if end.code:
                    raise
            note.write_text("\n".join(sorted(set(sys.modules) - before)))

        do(work, folder)
        for name in names.read_text().split():
            with contextlib.suppress(Exception):  # some cannot be imported by themselves
                importlib.import_module(name)


def do(work: Callable[[], None], folder: Path) -> None:
    """Do a piece of work to its end in a process of its own."""
    outcome = watch(work, folder)
    assert outcome.status == 0, outcome.words


def _translate(output: Path) -> Callable[[], None]:
    lines = _shared["folder"] / "lines.txt"

    def work() -> None:
        try:
            command("translate", "-m", model(), "--max-length", "6", "-i", lines, "-o", output)()
        except SystemExit as end:
            if end.code:
                raise

    return work


def _look_at_translation(folder: Path) -> str:
    reference = (_shared["folder"] / "reference.txt").read_text()
    return which((folder / "out.txt").read_text(), _EARLIER, reference)


# -- a trace --


def _trace(text: str):  # type: ignore[no-untyped-def]
    import clearhead

    return clearhead.trace(text, model=str(model()))


def save_trace(folder: Path, text: str) -> None:
    _trace(text).save(folder / "trace.safetensors")


def _look_at_trace(folder: Path) -> str:
    from clearhead.reference.tracing.trace import Trace

    trace = Trace.load(folder / "trace.safetensors")
    steps = {step.path: step.value for step in trace}
    for name, text in (("earlier", "the house"), ("new", "the old house")):
        reference = {step.path: step.value for step in _trace(text)}
        if reference.keys() == steps.keys() and all(
            np.array_equal(reference[path], steps[path]) for path in steps
        ):
            return name
    raise AssertionError("the trace is neither the earlier one nor the new one")


# -- a recording --


def _save_recording(folder: Path, seed: int) -> None:
    samples.recording(seed).save(folder / "recording.safetensors")


def _look_at_recording(folder: Path) -> str:
    import clearhead

    there = clearhead.load_recording(folder / "recording.safetensors")
    return which(*(_weights(one) for one in (there, samples.recording(4), samples.recording())))


def _weights(recording) -> list[bytes]:  # type: ignore[no-untyped-def]
    return [one.dense().numpy().tobytes() for one in recording.values()]


# -- a tokenizer --


def _look_at_tokenizer(folder: Path) -> str:
    there = Tokenizer.load(folder / "tokenizer.json").to_json()
    earlier = Tokenizer.train(["another text"] * 4, 270).to_json()
    return which(there, earlier, samples.tokenizer().to_json())


# -- models for others --


def _export(engine: str, *more: str) -> Callable[[Path], None]:
    return lambda folder: command(
        "export", model(), "--to", engine, folder / "there", "--no-verify", *more
    )()


def _look_at_folder(names: set[str]) -> Callable[[Path], str]:
    def look(folder: Path) -> str:
        there = folder / "there"
        if not there.exists():
            return "earlier"
        assert {path.name for path in there.iterdir()} == names, sorted(os.listdir(there))
        return "new"

    return look


def _look_at_replaced_model(folder: Path) -> str:
    from clearhead.translation.checkpoint import read_checkpoint

    there = folder / "there"
    (notes,) = folder.rglob("notes.txt")  # a kill may leave it in the draft, and nowhere less
    assert notes.read_text() == "kept"
    seeds = [
        np.array_equal(read_checkpoint(there).weights[name], read_checkpoint(path).weights[name])
        for path in (_shared["other"], model())
        for name in ["embedding.weight"]
    ]
    return which(seeds, [True, False], [False, True])


def _begin_replacing(folder: Path) -> None:
    samples.write_model(folder / "there", seed=4)
    (folder / "there" / "notes.txt").write_text("kept")


def _replace(folder: Path) -> None:
    """Put a model in the place of the other, as a training does at its end."""
    from clearhead.training.run_folder._model_folder import remove_model_drafts

    remove_model_drafts(folder / "there")
    samples.write_model(folder / "there")


def _look_at_our_model(folder: Path) -> str:
    from clearhead.translation.checkpoint import read_checkpoint

    if not (folder / "there").exists():
        return "earlier"
    theirs, ours = (read_checkpoint(path).weights for path in (folder / "there", model()))
    assert theirs.keys() == ours.keys()
    assert all(np.array_equal(theirs[name], ours[name]) for name in ours)
    return "new"


# -- a run --


def _train(folder: Path) -> None:
    samples.train(samples.run_table(_shared["folder"] / "corpora"), folder / "run")


def _look_at_run(folder: Path) -> str:
    """Every state must be readable, and a finished model has the bits of a run without a fault."""
    from clearhead.training.checkpoint import read_tensors, states
    from clearhead.training.run_folder.progress import read_progress
    from clearhead.translation.checkpoint import read_checkpoint

    run = folder / "run"
    for state in states(run) if run.exists() else ():
        read_tensors(state / "model.safetensors")
        if (state / "state.safetensors").exists():
            read_tensors(state / "state.safetensors")
        assert read_progress(state).step == int(state.name[5:])
    if not (run / "model").exists():
        return "earlier"
    read_checkpoint(run / "model")
    content = (run / "model" / "model.safetensors").read_bytes()
    assert content == _shared["weights"].read_bytes(), "the weights are others"
    return "new"


# -- text to train on --


def _begin_preparing(folder: Path) -> None:
    samples.write_recipe(folder)


def _prepare(folder: Path) -> None:
    command("prepare", folder / "r.toml", "--data", folder, "--out", folder / "there")()


def score(folder: Path) -> None:
    command("score", model(), folder / "a.tsv", "--output", folder / "scores.txt")()


def _look_at_scores(folder: Path) -> str:
    if not (folder / "scores.txt").exists():
        return "earlier"
    lines = (folder / "scores.txt").read_text().splitlines()
    assert len(lines) == 3, lines
    assert lines[0].startswith("#") or lines[0].startswith("{"), lines[0]
    return "new"


# -- a sweep's numbers --


def sweep_units():  # type: ignore[no-untyped-def]
    from clearhead.sweeps.units import Unit

    return [Unit("a", (0, head)) for head in range(4)]


def sweep_file(folder: Path):  # type: ignore[no-untyped-def]
    from clearhead.sweeps.progress_file import ProgressFile

    return ProgressFile(folder / "sweep.json", {"edit": "zero", "metric": 1.0}, sweep_units())


def write_sweep(folder: Path, count: int) -> None:
    """Go on with a sweep until so many of its numbers are there."""
    file = sweep_file(folder)
    with file.writing():
        for unit in sweep_units()[:count]:
            if unit not in file:
                file.add({unit: float(unit.entry[1])})


def _look_at_sweep(folder: Path) -> str:
    file = sweep_file(folder)
    values = np.full((1, 4), -1.0)
    file.fill(values)
    count = sum(unit in file for unit in sweep_units())
    assert count
    assert values[0, :count].tolist() == list(range(count))
    return "new" if count == 4 else "earlier"


OPERATIONS = (
    Operation(
        "translate to a file",
        lambda folder: (folder / "out.txt").write_text(_EARLIER) and None,
        lambda folder: _translate(folder / "out.txt")(),
        _look_at_translation,
    ),
    Operation(
        "save a trace",
        lambda folder: save_trace(folder, "the house"),
        lambda folder: save_trace(folder, "the old house"),
        _look_at_trace,
    ),
    Operation(
        "save a recording",
        lambda folder: _save_recording(folder, 4),
        lambda folder: _save_recording(folder, 3),
        _look_at_recording,
    ),
    Operation(
        "save a tokenizer",
        lambda folder: Tokenizer.train(["another text"] * 4, 270).save(folder / "tokenizer.json"),
        lambda folder: samples.tokenizer().save(folder / "tokenizer.json"),
        _look_at_tokenizer,
    ),
    Operation(
        "write a sweep's numbers",
        lambda folder: write_sweep(folder, 1),
        lambda folder: write_sweep(folder, 4),
        _look_at_sweep,
    ),
    Operation(
        "prepare a corpus",
        _begin_preparing,
        _prepare,
        _look_at_folder({"report.json", "report.md", "words.en-fr.tsv.gz"}),
        repeats=False,
    ),
    Operation("score a corpus", _begin_preparing, score, _look_at_scores, repeats=False),
    Operation(
        "export for clearhead",
        lambda folder: None,
        lambda folder: command("export", model(), "--to", "clearhead", folder / "there")(),
        _look_at_our_model,
        repeats=False,
    ),
    Operation(
        "put a finished model in another's place",
        _begin_replacing,
        _replace,
        _look_at_replaced_model,
    ),
    Operation(
        "export for transformers",
        lambda folder: None,
        _export("huggingface"),
        _look_at_folder(
            {
                *("config.json", "generation_config.json", "model.safetensors"),
                *("tokenizer.json", "tokenizer_config.json"),
            }
        ),
        repeats=False,
        short_calls=0,
    ),
    Operation(
        "export for CTranslate2",
        lambda folder: None,
        _export("ctranslate2"),
        _look_at_folder({"config.json", "model.bin", "shared_vocabulary.json", "tokenizer.json"}),
        repeats=False,
        short_calls=0,
        most_calls=12,
    ),
    Operation(
        "export for ONNX",
        lambda folder: None,
        _export("onnx"),
        _look_at_folder({"model.onnx", "tokenizer.json"}),
        repeats=False,
        short_calls=0,
        most_calls=6,
    ),
    Operation("train, with checkpoints", lambda folder: None, _train, _look_at_run, short_calls=0),
)


def chosen(*, short: bool) -> tuple[Operation, ...]:
    """Return all operations, or those of the short form."""
    return tuple(one for one in OPERATIONS if one.short_calls or not short)
