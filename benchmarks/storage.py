"""What it costs to store a model's weights in fewer bits: bytes, time to read, logits and BLEU.

    python -m benchmarks.storage --pairs FILE.tsv [--model FOLDER] [--other FOLDER] [--json]

The model as it is stored is compared with itself in float16, in 8 bits with the scales that
`clearhead export` chooses, and in 8 bits with the plain scale max/127 of each row; and with another
folder, where one is named. Logits are those of the references' tokens, each after the reference's
tokens before it. Reading takes turns: each figure is a median, with the file in the page cache.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from clearhead.export.conversion import convert
from clearhead.tensor_file import TensorFile
from clearhead.text.corpus import read_pairs
from clearhead.translation.checkpoint import Checkpoint, read_checkpoint
from clearhead.translation.score import scores
from clearhead.translation.translator import Translator
from clearhead.weight_storage.quantized_rows import LARGEST
from clearhead.weight_storage.weight_file import STORAGES, read_weights, weight_shapes

from .machine import machine
from .report import add_arguments, progress, publish

PLAIN = "int8, max/127"
QUICK_PAIRS = 3
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class LogitDifference:
    """How far the logits of two models are apart, over positions and vocabulary.

    Attributes:
        largest, mean: of the absolute differences.
        same_token: the share of positions whose likeliest token is the same.
        positions: how many there are.
        too_long: pairs that the model cannot hold, which are left out.
    """

    largest: float
    mean: float
    same_token: float
    positions: int
    too_long: int


def plain_rows(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights whose matrices were rounded to 8 bits with the scale max/127 of each row."""
    rounded = {}
    for name, array in weights.items():
        if array.ndim != 2:
            rounded[name] = array
            continue
        scales = np.abs(array).max(axis=1, keepdims=True) / np.float32(LARGEST)
        numbers = np.rint(array / np.where(scales > 0, scales, 1))
        rounded[name] = (numbers * scales).astype(np.float32)
    return rounded


def relative_error(weights: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray]) -> float:
    """Return the length of all differences as a part of the length of all weights."""
    squares = np.zeros(2)
    for name, array in exact.items():
        wide = array.astype(np.float64)
        squares += ((weights[name] - wide) ** 2).sum(), (wide**2).sum()
    return float(np.sqrt(squares[0] / squares[1]))


def compare_logits(first: Checkpoint, second: Checkpoint, pairs: Pairs) -> LogitDifference:
    """Return the difference of two models' logits on the references of some pairs."""
    models = [checkpoint.engine().model for checkpoint in (first, second)]
    config, tokenizer = first.config, first.tokenizer
    largest, total, numbers, same, positions, too_long = 0.0, 0.0, 0, 0, 0, 0
    for source, target in pairs:
        source_ids = [*tokenizer.encode(source), config.end_id]
        target_ids = [config.start_id, *tokenizer.encode(target)]
        if max(len(source_ids), len(target_ids)) > config.max_length:
            too_long += 1
            continue
        ours, theirs = (
            model.forward(np.array([source_ids]), np.array([target_ids]))[0] for model in models
        )
        difference = np.abs(ours - theirs)
        largest = max(largest, float(difference.max()))
        total += float(difference.sum(dtype=np.float64))
        numbers += difference.size
        same += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
        positions += len(target_ids)
    return LogitDifference(largest, total / numbers, same / positions, positions, too_long)


def translate(checkpoint: Checkpoint, pairs: Pairs) -> list[str]:
    """Return a model's translations of the sources, with the settings of `clearhead translate`."""
    translator = Translator.from_checkpoint(checkpoint)
    return [row.text for row in translator.translate([source for source, _ in pairs])]


def milliseconds_to_read(folders: Mapping[str, Path], rounds: int) -> dict[str, float]:
    """Return the median time in which each folder's weights become float32, in turns."""
    times: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(rounds):
        for name, folder in folders.items():
            start = time.perf_counter()
            with TensorFile(folder / "model.safetensors") as file:
                read_weights(file, weight_shapes(file, 2))
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def measure(options: argparse.Namespace, pairs: Pairs) -> dict[str, Any]:
    """Return bytes and milliseconds by storage, and error, logits and BLEU by variant."""
    model = read_checkpoint(options.model)
    variants = {}
    with tempfile.TemporaryDirectory() as place:
        folders = {storage: Path(place) / storage for storage in STORAGES}
        for storage, folder in folders.items():
            convert(model, folder, storage)
            variants[storage] = read_checkpoint(folder)
        sizes = {
            storage: (folder / "model.safetensors").stat().st_size
            for storage, folder in folders.items()
        }
        milliseconds = milliseconds_to_read(folders, options.rounds)
    del variants["float32"]  # is the model itself
    plain = replace(model, weights=plain_rows(model.weights))
    variants = {"as stored": model, **variants, PLAIN: plain}
    if options.other:
        variants[options.other] = read_checkpoint(options.other)
    rows = {}
    for name, checkpoint in variants.items():
        progress(f"{name}: logits and translations of {len(pairs)} pairs ...")
        rows[name] = _quality(model, checkpoint, pairs, options)
    parameters = sum(array.size for array in model.weights.values())
    return {
        "parameters": parameters, "bytes": sizes, "milliseconds": milliseconds, "rows": rows,
    }  # fmt: skip


def _quality(
    model: Checkpoint, other: Checkpoint, pairs: Pairs, options: argparse.Namespace
) -> dict[str, Any]:
    """Return what differs between a model and another of the same shape, or a deeper one."""
    same_weights = {n: a.shape for n, a in model.weights.items()} == {
        n: a.shape for n, a in other.weights.items()
    }
    logits = compare_logits(model, other, pairs[: options.logit_pairs])
    texts = translate(other, pairs)
    bleu, chrf = scores(texts, [target for _, target in pairs])
    return {
        "error": relative_error(other.weights, model.weights) if same_weights else None,
        "largest": logits.largest,
        "mean": logits.mean,
        "same_token": logits.same_token,
        "positions": logits.positions,
        "too_long": logits.too_long,
        "bleu": bleu.value,
        "chrf": chrf.value,
        "signature": bleu.signature,
        "texts": texts,
    }


def result_of(measured: dict[str, Any], pairs: int, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result as `report.publish` takes it, without the texts."""
    rows = {name: dict(row) for name, row in measured["rows"].items()}
    texts = {name: row.pop("texts") for name, row in rows.items()}
    first = next(iter(texts.values()))
    for name, row in rows.items():
        row["same_text"] = sum(a == b for a, b in zip(first, texts[name], strict=True)) / pairs
    sizes, milliseconds = measured["bytes"], measured["milliseconds"]
    int8, half = milliseconds["int8"], milliseconds["float16"]
    quality_header = [
        "weights", "relative error", "logits: largest", "mean", "same token", "BLEU", "chrF",
        "same text",
    ]  # fmt: skip
    return {
        "name": "storage",
        "title": "Storage: the same model in fewer bits",
        "machine": facts,
        **{name: value for name, value in measured.items() if name != "rows"},
        "pairs": pairs,
        "rows": rows,
        "tables": [
            {
                "title": f"{measured['parameters']:,} parameters in a file",
                "header": ["weights", "bytes", "of float16", "ms to read"],
                "rows": [
                    [name, f"{sizes[name]:,}", f"{sizes[name] / sizes['float16']:.0%}",
                     f"{milliseconds[name]:.1f}"]
                    for name in sizes
                ],
            },
            {
                "title": f"Beside the model as stored; BLEU and chrF of {pairs:,} sentences",
                "header": quality_header,
                "rows": [_cells(name, row) for name, row in rows.items()],
            },
        ],
        "verdicts": [
            f"int8 is read in {int8:.1f} ms, float16 in {half:.1f}: {half / int8:.2f} times as "
            f"fast; {9.4e6 * int8 / measured['parameters']:.1f} ms for 9.4 million parameters",
            f"BLEU: {rows['as stored']['signature']}; logits of "
            f"{rows['as stored']['positions']:,} positions, {rows['as stored']['too_long']} pairs "
            f"being too long for the model",
        ],
    }  # fmt: skip


def _cells(name: str, row: Mapping[str, Any]) -> list[str]:
    error = "" if row["error"] is None else f"{row['error']:.3%}"
    return [
        name, error, f"{row['largest']:.4f}", f"{row['mean']:.5f}", f"{row['same_token']:.2%}",
        f"{row['bleu']:.2f}", f"{row['chrf']:.2f}", f"{row['same_text']:.1%}",
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.storage", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--pairs", required=True, help="source, tab, reference on each line")
    parser.add_argument("--model", default="en-fr", help="a model's name or folder [en-fr]")
    parser.add_argument("--other", help="one more folder to compare with the model")
    parser.add_argument("--limit", type=int, default=1000, help="pairs that are translated [1000]")
    parser.add_argument(
        "--logit-pairs", type=int, default=200, help="pairs whose logits are compared [200]"
    )
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args(arguments)
    if options.quick:
        options.limit, options.rounds = QUICK_PAIRS, 1
    pairs = [(pair.source, pair.target) for pair in read_pairs(options.pairs)][: options.limit]
    facts = machine()
    measured = measure(options, pairs)
    publish(result_of(measured, len(pairs), facts), options)


if __name__ == "__main__":
    main()
