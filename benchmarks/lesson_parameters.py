"""Every parameter of lesson 4's translator, changed alone and trained.

    python -m benchmarks.lesson_parameters [--only NAME ...] [--work FOLDER] [--json]

The data, the model and the run are those of the lesson, read from its own cells; one thing is changed
at a time. A row is a training run of about ten seconds of one quiet thread and 500 translations by
greedy search. With --work, a row that stands in the folder already is not trained again.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clearhead.training.loop import Trainer
from clearhead.training.settings import Settings
from clearhead.translation.translator import Translator

from .machine import machine
from .paths import ROOT
from .report import add_arguments, progress, publish

LESSON = ROOT / "lessons" / "4-train-a-small-translator.md"
FEW_PAIRS = 400
QUICK_STEPS = 2
QUICK_NUMBERS = 3


@dataclass(frozen=True)
class Change:
    """One row of a table.

    Attributes:
        table: the parameter, as the lesson calls it.
        value: that it is given.
        few: whether there are 400 pairs to train on, and not 20,000.
    """

    table: str
    value: int | float
    few: bool = False

    @property
    def name(self) -> str:
        """The name of the row's file; the lesson's own run stands in several tables."""
        own = not self.few and LESSON_VALUES[self.table] == self.value
        return "lesson" if own else f"{self.table}-{self.value}"


LESSON_VALUES = {
    "dropout": 0.0, "num_heads": 4, "encoder_layers": 2, "d_model": 96,
    "vocab_size": 400, "warmup_steps": 80, "label_smoothing": 0.1,
}  # fmt: skip
CHANGES = (
    *(Change("dropout", value, few=True) for value in (0.0, 0.1, 0.3, 0.5)),
    *(Change("num_heads", value) for value in (96, 4, 1, 32)),
    *(Change("encoder_layers", value) for value in (1, 2, 4)),
    *(Change("d_model", value) for value in (16, 32, 96, 192)),
    *(Change("vocab_size", value) for value in (260, 400, 600)),
    *(Change("warmup_steps", value) for value in (1, 80)),
    *(Change("label_smoothing", value) for value in (0.0, 0.1)),
)


def lesson_start(lesson: Path = LESSON) -> dict[str, Any]:
    """Run a lesson's cells as far as the one that makes `options`, and return its variables."""
    cells = re.findall(r"```\{code-cell\}\n(.*?)```", lesson.read_text("utf-8"), re.DOTALL)
    variables: dict[str, Any] = {}
    for cell in cells:
        exec(compile(re.sub(r"^:.*$", "", cell, flags=re.M), lesson.name, "exec"), variables)
        if "options" in variables:
            return variables
    raise ValueError(f"{lesson} has no cell that makes a variable named options.")


def changed_options(start: Mapping[str, Any], change: Change, quick: bool) -> dict[str, Any]:
    """Return the lesson's table of settings with one change."""
    options = copy.deepcopy(start["options"])
    options["training"]["log_every"] = 20
    if change.table == "vocab_size":
        options["tokenizer"]["vocab_size"] = change.value
        # Small pieces make long sentences, and all of them are to be read.
        options["data"]["max_tokens"], options["model"]["max_length"] = 124, 128
    elif change.table in options["training"]:
        options["training"][change.table] = change.value
    else:
        options["model"][change.table] = change.value
    if change.few:
        few = start["folder"] / "few.tsv"
        lines = (start["folder"] / "train.tsv").read_text("utf-8").splitlines(keepends=True)
        few.write_text("".join(lines[:FEW_PAIRS]), "utf-8")
        tokens = start["folder"] / "tokenizer.json"
        start["tokenizer"].save(tokens)
        options["data"]["corpus"] = [{"path": str(few)}]
        options["tokenizer"] = {"path": str(tokens)}
    if quick:
        options["training"] |= {"max_steps": QUICK_STEPS, "warmup_steps": 1, "decay_steps": 0}
        options["training"] |= {"evaluate_every": 1, "checkpoint_every": QUICK_STEPS}
        options["training"]["log_every"] = 1
    return options


def train_row(start: Mapping[str, Any], change: Change, run: Path, quick: bool) -> dict[str, Any]:
    """Train the lesson's model with one change and translate the test numbers.

    Returns:
        ``weights``; ``pieces`` of a sentence, as the mean over both sides of the test pairs;
        ``development``, the losses in the order of their measurement, and ``training``, the last
        mean of the training losses; ``right``, the share of test numbers without a mistake;
        ``seconds`` of the processor for training alone.
    """
    settings = Settings.from_dict(changed_options(start, change, quick))
    trainer = Trainer(settings, run)
    weights = sum(parameter.numel() for parameter in trainer.model.parameters())
    began = time.process_time()
    folder = trainer.train()
    seconds = time.process_time() - began
    log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    lines = (start["folder"] / "test.tsv").read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines[: QUICK_NUMBERS if quick else None]]
    translator = Translator.load(folder)
    results = translator.translate([source for source, _ in pairs], beam_size=1)
    tokens = translator.tokenizer
    return {
        **asdict(change),
        "weights": weights,
        "pieces": sum(len(tokens.encode(side)) for pair in pairs for side in pair) / 2 / len(pairs),
        "development": [row["loss"] for row in log if row["kind"] == "development"],
        "training": [row["loss"] for row in log if row["kind"] == "train"][-1:],
        "right": sum(r.text == p[1] for r, p in zip(results, pairs, strict=True)) / len(pairs),
        "seconds": seconds,
    }


def measure(changes: Sequence[Change], work: Path, quick: bool) -> list[dict[str, Any]]:
    """Train every change that has no result in the folder yet, and return all results."""
    work.mkdir(parents=True, exist_ok=True)
    start: dict[str, Any] = {}
    rows = []
    for change in changes:
        path = work / f"{change.name}.json"
        if not path.exists():
            progress(f"{change.table} = {change.value} ...")
            start = start or lesson_start()
            with tempfile.TemporaryDirectory() as run:
                row = train_row(start, change, Path(run) / "run", quick)
            path.write_text(json.dumps(row) + "\n", "utf-8")
        rows.append({**json.loads(path.read_text("utf-8")), **asdict(change)})
    return rows


def tables(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a table for each parameter, its rows in the order of the values."""
    result = []
    for name in dict.fromkeys(row["table"] for row in rows):
        group = sorted((row for row in rows if row["table"] == name), key=lambda row: row["value"])
        pairs = f", {FEW_PAIRS} training pairs" * group[0]["few"]
        result.append({
            "title": f"{name}{pairs}",
            "header": [name, "weights", "pieces a sentence", "training loss at the end",
                       "development loss, quarter by quarter", "exactly right", "processor seconds"],
            "rows": [[
                str(row["value"]), f"{row['weights']:,}", f"{row['pieces']:.1f}",
                "".join(f"{loss:.3f}" for loss in row["training"]),
                " ".join(f"{loss:.3f}" for loss in row["development"]),
                f"{row['right']:.1%}", f"{row['seconds']:.1f}",
            ] for row in group],
        })  # fmt: skip
    return result


def verdicts(rows: Sequence[Mapping[str, Any]], quick: bool) -> list[str]:
    """Say what the numbers are of, and how far they can be trusted."""
    numbers = QUICK_NUMBERS if quick else 500
    best = [
        f"{name}: most right with {max(group, key=lambda row: row['right'])['value']}, fewest with "
        f"{min(group, key=lambda row: row['right'])['value']}"
        for name in dict.fromkeys(row["table"] for row in rows)
        if (group := [row for row in rows if row["table"] == name])
    ]
    return [
        *best,
        f"One seed a row, {numbers} numbers that were not trained on, greedy search: "
        "differences of one or two per cent are chance.",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = list(dict.fromkeys(change.table for change in CHANGES))
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="parameters [all]")
    parser.add_argument("--work", type=Path, help="folder in which each row is kept")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    facts = machine()
    changes = [change for change in CHANGES if change.table in options.only]
    if options.quick:
        changes = changes[:1]
    with tempfile.TemporaryDirectory() as temporary:
        rows = measure(changes, options.work or Path(temporary), options.quick)
    result = {"name": "lesson_parameters", "title": "Lesson 4: every parameter, trained"}
    result |= {"machine": facts, "rows": rows, "tables": tables(rows)}
    publish({**result, "verdicts": verdicts(rows, options.quick)}, options)


if __name__ == "__main__":
    main()
