"""Tables for people and JSON for machines, printed and kept."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .machine import describe

RESULTS = Path(__file__).parent / "results"


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        return "  ".join([first, *(x.rjust(w) for x, w in zip(row[1:], widths[1:], strict=True))])

    return "\n".join([line(header), line(["-" * w for w in widths]), *map(line, rows)])


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the same table as Markdown."""
    ruler = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ruler, *rows))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that all benchmarks share."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--quick", action="store_true", help="a tiny size, to see that it runs; nothing is kept"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=None,
        help="folder for NAME.json and NAME.md [benchmarks/results; with --quick none]",
    )


def publish(result: dict[str, Any], options: argparse.Namespace) -> None:
    """Print a result and keep it.

    Args:
        result: ``name``, ``title``, ``machine``, ``tables`` (each with ``title``, ``header`` and
            ``rows`` of strings), ``verdicts`` (sentences), and the numbers behind them.
    """
    folder = options.output or (None if options.quick else RESULTS)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{result['name']}.json").write_text(json.dumps(result, indent=1) + "\n")
        (folder / f"{result['name']}.md").write_text(as_markdown(result))
    if options.json:
        print(json.dumps(result))
        return
    print(result["title"])
    print("\n".join(describe(result["machine"])))
    for table in result["tables"]:
        print(f"\n{table['title']}\n{text_table(table['header'], table['rows'])}")
    print("\n" + "\n".join(result["verdicts"]))


def as_markdown(result: dict[str, Any]) -> str:
    """Return a result as a page."""
    parts = [f"# {result['title']}", "\n".join(f"- {x}" for x in describe(result["machine"]))]
    for table in result["tables"]:
        parts.append(f"## {table['title']}\n\n{markdown_table(table['header'], table['rows'])}")
    parts.append("\n".join(f"- {sentence}" for sentence in result["verdicts"]))
    return "\n\n".join(parts) + "\n"


def progress(text: str) -> None:
    """Print one line on standard error: standard output holds the result alone."""
    print(text, file=sys.stderr, flush=True)


def verdict(what: str, ratio: float, target: float) -> str:
    """Return a ratio beside its target."""
    word = "reached" if ratio >= target else "MISSED"
    return f"{what}: {ratio:.2f} times (target {target:g}: {word})"
