"""`clearhead inspect --heads`: the kind of each head, as a page and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...head_kinds import COPYING, KINDS, MEASURES
from ...surveys.stacks import labels_of, pattern_of
from ...surveys.text_model import Model, Tokens
from ..terminal.heatmap import Paper, fit, heated, width_of
from ..terminal.paragraphs import heading, prose
from ._page import about, bar, opening, title_line

if TYPE_CHECKING:
    from ...maps.heads.kinds import HeadKinds, HeadRow
    from ...maps.recording.calls import Map
    from ...maps.recording.recording import Recording

# The word for a cell of the table, and the behaviour of a head of the kind.
WORDS = {
    "previous": ("prev", "most weight on the token before"),
    "next": ("next", "most weight on the token after"),
    "same": ("same", "most weight on the token itself"),
    "first": ("first", "most weight on the first token, where heads park what they do not use"),
    "last": ("last", "most weight on the last token"),
    "duplicate": ("dup", "most weight on earlier places of the same token"),
    "induction": ("ind", "most weight on what followed the same token earlier"),
    "aligned": ("align", "each query reads a key of its own"),
    "local": ("local", "most weight on tokens nearby, on none of them half"),
    "broad": ("broad", "nearly even weights"),
    "mixed": (".", "none of these mostly"),
}
COPIES = (
    "Their weights raise the words that they read (Elhage et al. 2021), whatever the text; in the "
    "table they have a +"
)
CAUTION = (
    "Scores are means over the queries of this text and of no other; a kind says where a head "
    "reads from, not what the model uses it for. clearhead.head_kinds has the formulas."
)
CELL = 6


@dataclass(frozen=True)
class HeadStack:
    """Layers whose names differ only in numbers.

    Attributes:
        pattern: the name.
        kind: self or cross.
        names: of the layers, as in the table of kinds.
        labels: short names.
        maps: the attention map of each layer.
    """

    pattern: str
    kind: str
    names: list[str]
    labels: list[str]
    maps: list[Map]


def head_stacks(recording: Recording) -> list[HeadStack]:
    """Return the stacks of everything that was recorded and could be read."""
    stacks: dict[tuple[str, str], list[tuple[str, int | None, Map]]] = {}
    for name in recording:
        if name in recording.refusals:
            continue
        calls = recording.calls(name)
        for number, one in enumerate(calls):
            place = (pattern_of(name), one.source.kind)
            call = number if len(calls) > 1 else None
            stacks.setdefault(place, []).append((name, call, one))
    return [
        HeadStack(
            pattern,
            kind,
            [name if call is None else f"{name} call {call}" for name, call, _ in layers],
            labels_of([(name, call) for name, call, _ in layers]),
            [one for *_, one in layers],
        )
        for (pattern, kind), layers in stacks.items()
    ]


def heads_page(
    model: Model, kinds: HeadKinds, stacks: Sequence[HeadStack], source: Tokens,
    target: Tokens | None, paper: Paper, *, top: int, notes: Sequence[str],
) -> Iterator[str]:  # fmt: skip
    """Yield the whole page in pieces."""
    yield from opening(model, source, target, paper)
    rows = kinds.rows
    for stack in stacks:
        yield heading(stack.pattern, paper)
        first = stack.maps[0]
        yield prose(about(stack.kind, first.shape, first.source.kernel), paper)
        labels = dict(zip(stack.names, stack.labels, strict=True))
        of_stack = [row for row in rows if row.module in labels]
        yield title_line("kinds of heads", "by what most of their weight is on", paper)
        yield kind_table(of_stack, labels, paper)
        yield from _by_kind(of_stack, labels, paper, top)
        yield from _copying(of_stack, labels, paper, top)
    yield ""
    more = [f"{note}." for note in kinds.notes if not note.startswith("not read")]
    for note in [*notes, *more, CAUTION]:
        yield prose(note, paper)


def kind_table(rows: Sequence[HeadRow], labels: dict[str, str], paper: Paper) -> str:
    """Return a table of layers by heads, with a word in each cell, in blocks that fit the paper."""
    side = max(width_of("layer"), *map(width_of, labels.values()))
    layers: dict[str, list[HeadRow]] = {name: [] for name in labels}
    for row in rows:
        layers[row.module].append(row)
    heads = max(map(len, layers.values()))
    most = max(1, (paper.width - side - 1) // (CELL + 1))
    count = math.ceil(heads / math.ceil(heads / most))
    blocks = []
    for start in range(0, heads, count):
        names = [str(head) for head in range(start, min(start + count, heads))]
        names[0] = f"head {names[0]}"[-CELL - 1 :] if start == 0 else names[0]
        lines = [f"{fit('layer', side)} " + "".join(fit(n, CELL + 1, right=True) for n in names)]
        for name, of_layer in layers.items():
            cells = "".join(_cell(row, paper) for row in of_layer[start : start + count])
            lines.append(f"{fit(labels[name], side, right=True)} {cells}".rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _cell(row: HeadRow, paper: Paper) -> str:
    """Return the word for a head, tinted by its score if its kind has one."""
    word = "-" if row.kind is None else WORDS[row.kind][0]
    word = f"{word}+" if row.copies else word
    cell = fit(word, CELL + 1, right=True)
    level = row.scores.get(row.kind or "", math.nan)
    return heated(cell, level, paper) if paper.colour else cell


def kind_title(kind: str, count: int, paper: Paper) -> str:
    """Return the title line of a kind: the number of its heads, its word in tables, its meaning."""
    word, meaning = WORDS[kind]
    many = f"{count} head{'' if count == 1 else 's'}"
    cell_word = "" if word == kind else f' ("{word}")'
    return title_line(kind, f"{many}{cell_word}: {meaning}", paper)


def _by_kind(
    rows: Sequence[HeadRow], labels: dict[str, str], paper: Paper, top: int
) -> Iterator[str]:
    """Yield the number of heads of each kind, and the clearest of those that have a share."""
    counts = Counter(row.kind for row in rows)
    for kind in KINDS:
        if not counts[kind]:
            continue
        yield kind_title(kind, counts[kind], paper)
        scored = [
            (row.scores[kind], row, f"  margin {row.margin:.3f}")
            for row in rows
            if row.kind == kind and kind in row.scores
        ]
        yield from _largest(scored, labels, paper, top)
    if counts[None]:
        yield title_line("-", f"{counts[None]}: fewer than three queries have a choice", paper)


def _copying(
    rows: Sequence[HeadRow], labels: dict[str, str], paper: Paper, top: int
) -> Iterator[str]:
    """Yield the number of heads that copy, and those that copy most."""
    scores = [row.copying for row in rows if not math.isnan(row.copying)]
    if not scores:
        return
    copying = [(row.copying, row, f"  {row.kind or '-'}") for row in rows if row.copies]
    many = f"{len(copying)} of {len(scores)} heads"
    yield title_line("copying", many, paper)
    bound = f"a score of {COPYING:g} or more; here from {min(scores):+.2f} to {max(scores):+.2f}"
    yield prose(f"{COPIES} ({bound}).", paper)
    yield from _largest(copying, labels, paper, top)


def _largest(
    scored: list[tuple[float, HeadRow, str]], labels: dict[str, str], paper: Paper, top: int
) -> Iterator[str]:
    """Yield the heads with the largest scores, one line for each.

    Args:
        scored: the score of each head, the head, and the text after it.
        labels: of the layers.
        paper: the paper to write on.
        top: the number of heads.
    """
    heads = sorted(scored, key=lambda one: -one[0])[:top]
    side = max((width_of(labels[row.module]) for _, row, _ in heads), default=0)
    for score, row, more in heads:
        yield (
            f"{score:.3f} {fit(bar(score, paper), 10)}  layer "
            f"{fit(labels[row.module], side, right=True)}  head {row.head:>3}{more}"
        )
    if len(scored) > top:
        yield f"and {len(scored) - top} more"


def heads_json(kinds: HeadKinds, stacks: Sequence[HeadStack]) -> list[dict[str, Any]]:
    """Return the stacks as a list for JSON; a score that does not apply to a head is null."""
    by_module: dict[str, list[HeadRow]] = {}
    for row in kinds.rows:
        by_module.setdefault(row.module, []).append(row)
    return [
        {
            "stack": stack.pattern,
            "kind": stack.kind,
            "layers": [
                _layer_json(name, one, by_module[name])
                for name, one in zip(stack.names, stack.maps, strict=True)
            ],
        }
        for stack in stacks
    ]


def _layer_json(name: str, one: Map, rows: Sequence[HeadRow]) -> dict[str, Any]:
    return {
        "name": name,
        "kernel": one.source.kernel,
        "queries": one.shape[2],
        "keys": one.shape[3],
        "kinds": [row.kind for row in rows],
        "copying": [None if math.isnan(row.copying) else row.copying for row in rows],
        "margins": [None if math.isnan(row.margin) else row.margin for row in rows],
        "scores": {
            measure: [row.scores.get(measure) for row in rows]
            for measure in MEASURES
            if any(measure in row.scores for row in rows)
        },
    }
