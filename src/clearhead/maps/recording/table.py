"""A recording as a table of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..attention_map import AttentionMap
from ..summary_map import SummaryMap
from .calls import KeptCall

if TYPE_CHECKING:
    from .recording import Entry, Recording

_HEADER = ("module", "kind", "heads", "queries", "keys", "kernel")


def table(recording: Recording) -> str:
    """Name, kind, heads, lengths and kernel of each module; refusals with their reasons."""
    rows: list[tuple[str, ...]] = [_HEADER]
    for entry in map(recording._entry, recording.keys()):
        rows.extend(_rows(entry))
    model = f" of {recording.model}" if recording.model else ""
    count = len(recording)
    title = f"Recording{model}: {count} attending module{'' if count == 1 else 's'}"
    if len(rows) == 1:
        lines = [f"{title}."]
    else:
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER) - 1)]
        right = (False, False, True, True, True)
        lines = [title]
        for row in rows:
            cells = [
                cell.rjust(width) if to_right else cell.ljust(width)
                for cell, width, to_right in zip(row, widths, right, strict=False)
            ]
            lines.append("  ".join([*cells, row[-1]]).rstrip())
    lines.extend(
        f"not read: {name or '(the model)'}: {refusal.why}"
        for name, refusal in recording.refusals.items()
    )
    lines.extend(f"note: {note}" for note in recording.notes)
    return "\n".join(lines)


def _rows(entry: Entry) -> list[tuple[str, ...]]:
    """One row per call; calls that look alike share one."""
    counted: dict[tuple[str, ...], int] = {}
    for call in entry.calls:
        row = _described(call)
        counted[row] = counted.get(row, 0) + 1
    name = entry.name or "(the model)"
    return [
        (name, *row[:-1], row[-1] + (f"  x {count}" if count > 1 else ""))
        for row, count in counted.items()
    ]


def _described(call: object) -> tuple[str, ...]:
    if isinstance(call, KeptCall):
        query, key = call.query.tensor.shape, call.key.tensor.shape
        heads = str(query[1]) if query[1] == key[1] else f"{query[1]} on {key[1]}"
        steps = f" ({call.steps} steps)" if call.steps > 1 else ""
        return call.kind, heads, str(query[2]), str(call.length), call.kernel + steps
    if isinstance(call, AttentionMap | SummaryMap):
        heads = str(call.shape[1])
        if isinstance(call, AttentionMap) and call.key.shape[1] != call.shape[1]:
            heads += f" on {call.key.shape[1]}"
        kept = " (summaries)" if isinstance(call, SummaryMap) else ""
        return call.source.kind, heads, *map(str, call.shape[2:]), call.source.kernel + kept
    return "?", "?", "?", "?", "not read"
