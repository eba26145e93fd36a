"""A recording as a table of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .calls import Call, Refusal
from .contents import Contents

_HEADER = ("module", "kind", "heads", "queries", "keys", "kernel")
_ALIGNED_RIGHT = (False, False, True, True, True)  # all columns but the last


def table(contents: Contents) -> str:
    """Return a table with a row for each call, and a line with the reason for each refusal."""
    rows: list[tuple[str, ...]] = [_HEADER]
    for name, calls in contents.calls.items():
        rows.extend(_rows(name, calls))
    model = f" of {contents.model}" if contents.model else ""
    count = len(contents.calls)
    title = f"Recording{model}: {count} attending module{'' if count == 1 else 's'}"
    lines = [f"{title}."] if len(rows) == 1 else [title, *_aligned(rows)]
    lines.extend(
        f"not read: {name or '(the model)'}: {refusal.why}"
        for name, refusal in contents.refusals().items()
    )
    lines.extend(f"note: {note}" for note in contents.notes)
    return "\n".join(lines)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return each row as a line, with columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(_ALIGNED_RIGHT))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, _ALIGNED_RIGHT, strict=False)
        ]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return lines


def _rows(name: str, calls: Sequence[Call]) -> list[tuple[str, ...]]:
    """Return one row per call; equal rows are merged, with their number."""
    repetitions = Counter(map(_cells, calls))
    return [
        (name or "(the model)", *cells, kernel + (f"  x {count}" if count > 1 else ""))
        for (*cells, kernel), count in repetitions.items()
    ]


def _cells(call: Call) -> tuple[str, ...]:
    if isinstance(call, Refusal):
        return "?", "?", "?", "?", "not read"
    kind, heads, kv_heads, query_len, key_len, kernel = call.outline
    groups = str(heads) if heads == kv_heads else f"{heads} on {kv_heads}"
    return kind, groups, str(query_len), str(key_len), kernel
