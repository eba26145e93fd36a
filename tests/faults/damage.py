"""Files of every kind, cut short, with flipped bits, and with another file in their place.

What reads them in use must refuse them in one sentence, or read the very same. A third outcome is
counted apart: something else was read, as of a letter in a text that nothing tells from another.
"""

from __future__ import annotations

import random
import shutil
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clearhead.errors import ClearheadError
from tests.faults import samples
from tests.faults.kills import PLACES


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: in the table.
        file: its name in the folder that is read.
        read: reads the folder as in use, and returns what can be compared.
        unnoticed: why a flipped bit may pass for other content; None where none may.
        short: whether it belongs to the short form.
    """

    name: str
    file: str
    read: Callable[[Path], object]
    unnoticed: str | None = None
    short: bool = True


@dataclass
class Row:
    """What became of the damaged files of one kind.

    Attributes:
        kind: its name.
        cut, flipped, swapped: how many files were tried.
        refused: in one sentence.
        same: were read, and are the same: the damage lies where nothing is read.
        other: were read as something else.
        unnoticed: why that may be.
        faults: in sentences; none is the aim.
    """

    kind: str
    cut: int = 0
    flipped: int = 0
    swapped: int = 0
    refused: int = 0
    same: int = 0
    other: int = 0
    unnoticed: str | None = None
    faults: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _model(folder: Path) -> object:
    from clearhead.translation.checkpoint import read_checkpoint

    there = read_checkpoint(folder)
    weights = {name: array.tobytes() for name, array in there.weights.items()}
    statements = [there.statements(), dict(there.provenance)]
    return [there.config, weights, there.tokenizer.to_json(), statements]


def _trace(folder: Path) -> object:
    from clearhead.reference.tracing.trace import Trace

    trace = Trace.load(folder / "trace.safetensors")
    return [(s.path, s.value.tobytes(), s.axes, s.formula, s.of, s.replaced) for s in trace]


def _recording(folder: Path) -> object:
    import clearhead

    there = clearhead.load_recording(folder / "recording.safetensors")
    maps = [(name, one.dense().numpy().tobytes(), one.source) for name, one in there.items()]
    return [maps, repr(there), str(there._contents.notes)]


def _state(folder: Path) -> object:
    """What a run goes on from: its settings, data, log, and newest state."""
    import torch

    from clearhead.training.checkpoint import read_tensors, states
    from clearhead.training.loop import Trainer
    from clearhead.training.run_folder.log import read_log
    from clearhead.training.settings import Settings

    table = samples.run_table(folder.parent / "corpora")
    trainer = Trainer(Settings.from_dict(table), folder)
    trainer.log.close()
    trainer.lock.release()
    weights = {n: x.numpy().tobytes() for n, x in trainer.model.state_dict().items()}
    moments = [
        (name, x.numpy().tobytes())
        for parameter in trainer.model.parameters()
        for name, x in sorted(trainer.optimizer.state[parameter].items())
    ]
    progress = {k: v for k, v in asdict(trainer.progress).items() if k not in ("starts", "seconds")}
    generator = torch.get_rng_state().numpy().tobytes()
    corpus = trainer.data.corpus
    epoch = [corpus.batch(indices).source.tolist() for indices in corpus.epoch(0, 128)]
    log = [row for row in read_log(folder / "log.jsonl") if "loss" in row]
    earlier = [sorted(read_tensors(x / "model.safetensors")) for x in states(folder)]
    return [weights, moments, progress, generator, epoch, log, earlier]


def _sweep(folder: Path) -> object:
    import numpy as np

    from tests.faults.operations.numbers import sweep_file, sweep_units

    file = sweep_file(folder)
    values = np.full((1, 4), np.nan)
    file.fill(values)
    return [[unit in file for unit in sweep_units()], values.tobytes()]


def _corpus(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from clearhead.text.corpus import read_pairs

        return [tuple(pair) for pair in read_pairs(str(folder / name))]

    return read


def _scores(folder: Path) -> object:
    from clearhead.corpora.scores import read_scores
    from clearhead.text.token_store import corpus_hash

    corpus = str(folder / "a.tsv")
    return read_scores(folder / "scores.txt", corpus, corpus_hash(corpus)).tobytes()


_TEXT = "text without a checksum"
_LOG = "a log to read: a damaged line is left out, or another number is in it"
KINDS = (
    Kind("model: config.json", "config.json", _model),
    Kind("model: model.safetensors", "model.safetensors", _model),
    Kind("model: tokenizer.json", "tokenizer.json", _model),
    Kind("trace", "trace.safetensors", _trace),
    Kind("recording", "recording.safetensors", _recording),
    Kind("sweep's numbers", "sweep.json", _sweep),
    Kind("corpus", "a.tsv", _corpus("a.tsv"), _TEXT),
    Kind("corpus, compressed", "a.tsv.gz", _corpus("a.tsv.gz")),
    Kind("scores of a corpus", "scores.txt", _scores, _TEXT),
    Kind("run: settings.json", "settings.json", _state, short=False),
    Kind("run: sources.json", "sources.json", _state, short=False),
    Kind("run: tokenizer.json", "tokenizer.json", _state, short=False),
    Kind("run: token ids", "data/0/tokens.bin", _state, short=False),
    Kind("run: places of texts", "data/0/offsets.npy", _state, short=False),
    Kind("run: facts of token ids", "data/0/store.json", _state, short=False),
    Kind("run: log.jsonl", "log.jsonl", _state, _LOG, short=False),
    Kind("run: newest weights", "step-00000004/model.safetensors", _state, short=False),
    Kind("run: optimizer", "step-00000004/state.safetensors", _state, short=False),
    Kind("run: progress.json", "step-00000004/progress.json", _state, short=False),
)


def write_all(folder: Path) -> dict[str, Path]:
    """Write one folder for each reader, whole; by the kind's name."""
    import gzip

    from tests.faults.operations import numbers, texts
    from tests.faults.operations.operation import do

    for name in ("model", "files"):
        (folder / name).mkdir()
    samples.write_model(folder / "model")
    files = folder / "files"
    numbers.save_trace(files, "the house")
    samples.recording().save(files / "recording.safetensors")
    numbers.write_sweep(files, 4)
    samples.write_recipe(files)
    (files / "a.tsv.gz").write_bytes(gzip.compress((files / "a.tsv").read_bytes(), mtime=0))
    do(lambda: texts.score(files), files)
    table = samples.run_table(folder / "corpora")
    do(lambda: samples.train(table, folder / "run"), folder)
    return {
        kind.name: folder / kind.name.partition(":")[0] if ":" in kind.name else files
        for kind in KINDS
    }


class DamageTrial:
    """The files of one kind, damaged in many ways.

    Args:
        kind: which.
        whole: the folder, whole.
        others: files of other kinds, to stand in its place.
        cuts, flips: how many of each.
    """

    def __init__(
        self, kind: Kind, whole: Path, others: dict[str, bytes], *, cuts: int, flips: int
    ) -> None:
        self._kind, self._whole, self._others = kind, whole, others
        self._cuts, self._flips = cuts, flips
        self._folder = whole.with_name(f"damaged {kind.file.replace('/', ' ')}")
        self.row = Row(kind.name, unnoticed=kind.unnoticed)

    def run(self) -> Row:
        content = (self._whole / self._kind.file).read_bytes()
        self._original = self._read_with(content)
        assert self._original == self._read_with(content), "reading twice is not reading the same"
        draw = random.Random(self._kind.name)
        for i in range(self._cuts):
            length = i if i < self._cuts // 4 else draw.randrange(len(content))
            self._try(f"cut to {length} bytes", content[: min(length, len(content) - 1)])
            self.row.cut += 1
        for i in range(self._flips):
            # A third in the first hundred bytes, where lengths, headers and settings begin.
            place = draw.randrange(min(100, len(content)) if i % 3 == 0 else len(content))
            bit = draw.randrange(8)
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            self._try(f"bit {bit} of byte {place} flipped", bytes(flipped))
            self.row.flipped += 1
        for name, other in self._others.items():
            if name != self._kind.name and other != content:
                self._try(f"in its place a {name}", other)
                self.row.swapped += 1
        shutil.rmtree(self._folder, ignore_errors=True)
        return self.row

    def _read_with(self, content: bytes) -> object:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._whole, self._folder)
        (self._folder / self._kind.file).write_bytes(content)
        return self._kind.read(self._folder)

    def _try(self, how: str, content: bytes) -> None:
        row = self.row
        try:
            there = self._read_with(content)
        except ClearheadError as error:
            message = str(error)
            row.refused += 1
            if not message.isprintable() or len(message) < 20:
                row.faults.append(f"{how}: not one sentence: {message[:200]!r}")
            return
        except Exception:
            row.faults.append(f"{how}: {traceback.format_exc()[-700:]}")
            return
        if there == self._original:
            row.same += 1
        else:
            row.other += 1
            if self._kind.unnoticed is None:
                row.faults.append(f"{how}: read as something else")


def damage_works(base: Path, *, short: bool) -> list[tuple[str, Callable[[], Any]]]:
    """The trials of every kind, or of the quick ones at a few places each."""
    folders = write_all(base)
    chosen = [kind for kind in KINDS if kind.short or not short]
    contents = {
        kind.name: (folders[kind.name] / kind.file).read_bytes()
        for kind in KINDS
        if (folders[kind.name] / kind.file).exists()
    }
    cuts, flips = (4, 10) if short else (8, 24) if PLACES else (60, 400)

    def work(kind: Kind) -> Callable[[], Any]:
        slow = 1 if kind.short else 2 if PLACES else 8  # a run is opened for each
        trial = DamageTrial(
            kind, folders[kind.name], contents, cuts=cuts // slow, flips=flips // slow
        )
        return lambda: trial.run().to_dict()

    return [(kind.name, work(kind)) for kind in chosen]
