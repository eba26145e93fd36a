"""The tables of the fault suite, as they stand in docs/reliability.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- written by python -m tests.faults --write -->", "<!-- to here -->"
Rows = dict[str, dict[str, Any]]


def text(parts: dict[str, Rows], seconds: float) -> str:
    """Return the tables of a run as Markdown."""
    blocks = []
    if "kills" in parts:
        blocks.append(_kills(parts["kills"]))
    if "damage" in parts:
        blocks.append(_damage(parts["damage"]))
    if "troubles" in parts:
        blocks.append(_troubles(parts["troubles"]))
    cases = sum(_cases(row) for rows in parts.values() for row in rows.values())
    faults = sum(len(row["faults"]) for rows in parts.values() for row in rows.values())
    blocks.append(f"{cases:,} cases in {seconds / 60:.1f} minutes; {faults} of them faults.")
    return "\n\n".join(blocks)


def write(tables: str) -> None:
    """Put the tables in their place of the page."""
    page = PAGE.read_text("utf-8")
    place = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    assert place.search(page), "the page has no place for the tables"
    PAGE.write_text(place.sub(lambda _: f"{BEGIN}\n\n{tables}\n\n{END}", page), "utf-8")


def _cases(row: dict[str, Any]) -> int:
    names = ("kills", "refusals", "failures", "unread", "cut", "flipped", "swapped", "cases")
    return sum(row.get(name, 0) for name in names)


def _table(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _kills(rows: Rows) -> str:
    head = [
        *("work", "calls", "killed", "earlier file whole", "new file whole", "disk full"),
        *("disk fails", "reading fails", "lost or halved"),
    ]
    return _table(
        head,
        [
            [
                *(row.get("operation", name), row.get("calls", ""), row.get("kills", "")),
                *(row.get("earlier", ""), row.get("new", ""), row.get("refusals", "")),
                *(row.get("failures", ""), row.get("unread", ""), len(row["faults"])),
            ]
            for name, row in reversed(rows.items())
        ],
    )


def _damage(rows: Rows) -> str:
    head = [
        *("file", "cut short", "bit flipped", "another's file", "refused in a sentence"),
        *("read the same", "read as other text", "faults"),
    ]
    columns = ("cut", "flipped", "swapped", "refused", "same", "other")
    return _table(
        head,
        [
            [name, *(row.get(column, "") for column in columns), len(row["faults"])]
            for name, row in rows.items()
        ],
    )


def _troubles(rows: Rows) -> str:
    head = ["trouble", "cases", "refused in a sentence", "done all the same", "faults"]
    return _table(
        head,
        [
            [
                row.get("trouble", name)
                + (f" (skipped: {row['skipped']})" * bool(row.get("skipped"))),
                *(row.get(column, "") for column in ("cases", "refused", "done")),
                len(row["faults"]),
            ]
            for name, row in rows.items()
        ],
    )
