"""Every map that recording shows, held against what really met the values, by library.

    python -m benchmarks.recorded_models [--quick] [--json] [--library transformers timm ...]

Tiny models with random weights of each library that is installed are run under `record`: a batch
of two, the second text of it padded, under no_grad, and every few models with gradients and in
inference mode, too. An oracle that shares no code with the library sees the same pass and takes a
float64 softmax of what fused kernels were given, and the weights that a model itself multiplies
with its values. A run is exact where every map equals what the oracle saw, under the name of the
same module, and where each row of the batch, run alone, has its part of the map.
"""

from __future__ import annotations

import argparse
import collections
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..machine import cores, installed, machine
from ..report import add_arguments, progress, publish
from . import catalogue
from .pool import run_all

STATUSES = ("exact", "refused", "WRONG", "SILENT", "crashed", "no attention", "skipped")
Row = dict[str, Any]


def jobs_of(libraries: Sequence[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the models to run, and in which modes."""
    jobs = []
    for name in libraries:
        models = options.models or catalogue.names(name, quick=options.quick)
        for number, model in enumerate(models):
            every = options.quick or number % 3 == 0
            modes = ["no_grad", "grad", "inference"] if every else ["no_grad"]
            jobs.append({"library": name, "model": model, "modes": modes})
    return jobs


def line(row: Row) -> str:
    """Return one run in one line."""
    beginning = f"{row['library']}  {row['model']}  {row['setting']}: {row['status']}"
    if row["status"] == "exact":
        return f"{beginning}, {row['exact']} maps, at most {row['worst']:.1g} off"
    return f"{beginning}{'. ' + '; '.join(reasons(row)) if reasons(row) else ''}"


def reasons(row: Row) -> list[str]:
    """Return what was not exact in a run, and why."""
    refusals = [f"{name or '(the model)'}: {why}" for name, why in row["refused"].items()]
    alone = [row["crash"]] if row["crash"] else []
    return [x for x in (row["skipped"], *alone, *row["wrong"], *row["silent"], *refusals) if x]


def summary(rows: Iterable[Row], versions: dict[str, str]) -> dict[str, Any]:
    """Return models, runs and maps by library, and what became of them."""
    by_library = collections.defaultdict(list)
    for row in rows:
        by_library[row["library"]].append(row)
    cells_of_rows = []
    for name, own in by_library.items():
        ran = [row for row in own if row["status"] not in ("skipped", "no attention")]
        counts = collections.Counter(row["status"] for row in own)
        cells = [len({row["model"] for row in ran}), len(ran), sum(row["maps"] for row in ran)]
        cells += [counts[status] for status in STATUSES]
        cells_of_rows.append([f"{name} {versions[name]}", *(f"{cell:,}" for cell in cells)])
    header = ["library", "models", "runs", "maps", *STATUSES]
    return {"title": "Runs by library", "header": header, "rows": cells_of_rows}


def not_exact(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return a table for each status but exact: library, model, and the reasons."""
    tables = []
    for status in STATUSES[1:]:
        grouped: dict[tuple[str, str, str], list[str]] = {}
        for row in rows:
            if row["status"] == status and status != "no attention":
                why = "; ".join(dict.fromkeys(shortened(x) for x in reasons(row)))
                grouped.setdefault((row["library"], row["model"], why), []).append(row["setting"])
        cells_of_rows = [
            [f"{name} {model}", ", ".join(x or "default" for x in settings), why or "-"]
            for (name, model, why), settings in grouped.items()
        ]
        if cells_of_rows:
            tables.append(
                {"title": status, "header": ["model", "settings", "why"], "rows": cells_of_rows}
            )
    return tables


def shortened(text: str, most: int = 240) -> str:
    text = text.replace("|", "/").replace("\n", " ")
    return text if len(text) <= most else f"{text[: most - 3]}..."


def result_of(
    rows: list[Row], versions: dict[str, str], facts: dict[str, Any], *, show_skipped: bool
) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    tables = [summary(rows, versions), *not_exact(rows)]
    if not show_skipped:
        tables = [table for table in tables if table["title"] != "skipped"]
    counts = collections.Counter(row["status"] for row in rows)
    bad = sum(counts[status] for status in ("WRONG", "SILENT", "crashed"))
    maps = sum(row["maps"] for row in rows)
    exact = sum(row["exact"] for row in rows)
    return {
        "name": "recorded_models",
        "title": "Recorded maps beside what met the values: tiny models of other libraries",
        "machine": facts,
        "versions": versions,
        "rows": rows,
        "tables": tables,
        "verdicts": [
            f"{exact:,} of {maps:,} maps are those of the weights that met the values, to 1e-5 or "
            "to what float32 keeps of scores of that size.",
            f"Runs with a wrong number, with an attention that nothing is said of, or that "
            f"crashed: {bad} (at most 0: {'kept' if not bad else 'MISSED'})",
        ],
    }


def earlier(files: Sequence[Path], versions: dict[str, str]) -> tuple[list[Row], dict[str, str]]:
    """Read runs of earlier results, and the versions of their libraries."""
    rows: list[Row] = []
    for file in files:
        result = json.loads(file.read_text())
        rows += result["rows"]
        versions = {
            **versions,
            **{row["library"]: result["versions"][row["library"]] for row in result["rows"]},
        }
    return rows, versions


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.recorded_models", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--library", nargs="+", choices=catalogue.LIBRARIES, metavar="NAME")
    parser.add_argument("--models", nargs="+", default=None, metavar="NAME", help="of one library")
    parser.add_argument("--workers", type=int, default=min(2, cores()))
    parser.add_argument("--limit", type=float, default=90.0, help="seconds for each model")
    parser.add_argument(
        "--add",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="results of other libraries, whose runs are shown beside these",
    )
    parser.add_argument("--skipped", action="store_true", help="list also what did not run")
    options = parser.parse_args(arguments)
    versions = {
        name: version
        for name in catalogue.LIBRARIES
        if (version := installed(catalogue.DISTRIBUTIONS.get(name, name)))
    }
    libraries = options.library or list(versions)
    rows, versions = earlier(options.add, versions)
    libraries = [name for name in libraries if name not in {row["library"] for row in rows}]
    missing = [name for name in libraries if name not in versions]
    if missing:
        parser.error(f"not installed: {', '.join(missing)}")
    if options.models and len(libraries) != 1:
        parser.error("--models names models of one library: say which with --library")
    facts = machine()
    for row in run_all(jobs_of(libraries, options), options.workers, options.limit):
        rows.append(row)
        if not options.json or row["status"] not in ("exact", "skipped"):
            progress(line(row))
    rows.sort(key=lambda row: (row["library"], row["model"], row["setting"]))
    publish(result_of(rows, versions, facts, show_skipped=options.skipped), options)


if __name__ == "__main__":
    main()
