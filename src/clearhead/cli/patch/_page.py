"""The page of a sweep: both texts, both answers, and the share restored by each edit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...shapes import Array
from ..inspect import Model, bar, layer_table, text_of, title_line
from ..terminal.heatmap import Paper, fit
from ..terminal.paragraphs import bold, prose
from ._texts import Pair, Word

if TYPE_CHECKING:
    from ...attribution.named_values import NamedValues
    from ...sweeps.result import Sweep

CAUTION = (
    "A share near 1 says that this part alone, with its numbers of the clean run, brings the "
    "clean answer back. It does not say that no other part could, or that the part does it alone: "
    "shares do not sum to 1."
)

DOWNWARD = (
    "The measure is not higher with the clean text, so the model does not give the answer that was "
    "expected; a share says how far a part goes from the corrupted run to the clean one all the "
    "same."
)


WHOLE = (
    "A block's whole output is the residual stream at every position, so that all behind it is as "
    "in the clean run. What single modules add is patched with --layers, such as --layers '*.mlp'."
)


def page(
    model: Model, pair: Pair, measure: str, sweeps: Sequence[Sweep], paper: Paper, *, top: int
) -> Iterator[str]:
    """Yield the whole page in pieces.

    Args:
        model: the model of the sweeps.
        pair: the two texts.
        measure: the metric, in words.
        sweeps: of the same two runs.
        paper: the paper to print on.
        top: the number of edits listed for each sweep.
    """
    yield bold(f"{type(model.model).__name__} of {model.name}", paper)
    lengths = f"{len(pair.clean.ids):,} tokens"
    if pair.target is not None:
        lengths += f" to {len(pair.target.ids):,}"
    yield prose(f"{lengths}, {model.dtype} on {model.device}", paper)
    yield title_line("clean", text_of(pair.clean, paper), paper)
    yield title_line("corrupted", text_of(pair.corrupted, paper), paper)
    if pair.target is not None:
        yield title_line("target", text_of(pair.target, paper), paper)
    yield title_line(measure, runs_of(sweeps[0]), paper)
    assert sweeps[0].target is not None
    if sweeps[0].target <= sweeps[0].before:
        yield prose(DOWNWARD, paper)
    for sweep in sweeps:
        share = sweep.relative
        if share.values.ndim == 2:
            yield from _table(share, pair, paper)
        yield from _largest(sweep, share, paper, top)
        if sweep.over == "layers" and np.allclose(share.values, 1.0, atol=1e-3):
            yield prose(WHOLE, paper)
        for note in sweep.notes:
            yield prose(f"note: {note}", paper)
    yield ""
    yield prose(CAUTION, paper)


def measure_of(answer: Word, against: Word | None) -> str:
    """Return the metric in words."""
    measure = f"logit of {answer.label}"
    return measure if against is None else f"{measure} less that of {against.label}"


def runs_of(sweep: Sweep) -> str:
    """Return the metric's values in both runs, in words."""
    return f"{sweep.target:+.3f} with the clean text, {sweep.before:+.3f} with the corrupted one"


def _table(share: NamedValues, pair: Pair, paper: Paper) -> Iterator[str]:
    from ...maps.pictures.layer_grid import short_names

    (rows, columns) = share.axes.values()
    values = share.values
    largest = float(np.nanmax(np.abs(values)))
    levels = np.nan_to_num(np.clip(values, 0.0, None)) / (largest or 1.0)
    yield title_line(
        f"{share.names[0]} by {share.names[1]}",
        "the share of the way from the corrupted to the clean run", paper,
    )  # fmt: skip
    yield layer_table(
        values, short_names(list(rows)), levels, paper, _pattern(values), share.names[1]
    )
    if share.names[1] == "position":
        places = "positions" if pair.target is None else "positions of the encoder"
        names = position_names(pair, columns)[: len(pair.clean.ids)]
        yield prose(f"{places}: " + "  ".join(names), paper)


def position_names(pair: Pair, positions: Sequence[str]) -> list[str]:
    """Return positions with their tokens: the clean text's, and the other's if it differs."""
    names = []
    for one in positions:
        place = int(one)
        if place >= len(pair.clean.ids):
            names.append(one)
            continue
        token, other = pair.clean.labels[place], pair.corrupted.labels[place]
        names.append(f"{one} {token}" + (f" / {other}" if place in pair.differing else ""))
    return names


def write_picture(
    path: Path, model: Model, pair: Pair, measure: str, sweeps: Sequence[Sweep]
) -> None:
    """Draw the shares of sweeps; in models with one text, positions are labelled with tokens."""
    from ._picture import draw_shares

    shares = []
    for sweep in sweeps:
        share = sweep.relative
        if "position" in share.axes and pair.target is None:
            names = tuple(position_names(pair, share.axes["position"]))
            share = replace(share, axes={**share.axes, "position": names})
        shares.append(share)
    title = f"What brings the clean answer back, {model.name}\n{measure}:\n{runs_of(sweeps[0])}"
    marks = position_names(pair, [str(place) for place in pair.differing])
    draw_shares(shares, title=title, marks=marks, save=path)


def _pattern(values: Array) -> str:
    return "{:+.2f}" if float(np.nanmax(np.abs(values))) < 99.995 else "{:+.0f}"


def _largest(sweep: Sweep, share: NamedValues, paper: Paper, top: int) -> Iterator[str]:
    rows = sweep.largest(top)
    if not rows:
        yield "No edit changed anything."
        return
    yield title_line("furthest", "share, change of the measure, and what was patched", paper)
    for names, change in rows:
        part = float(share.at(**dict(zip(share.names, names, strict=True))))
        yield f"{part:+.3f} {fit(bar(max(part, 0.0), paper), 10)} {change:+10.4f}  " + "  ".join(
            _words_of(share.names, names)
        )


def _words_of(axes: Sequence[str], names: Sequence[str]) -> list[str]:
    return [
        name if axis == "module" else f"{axis} {name}"
        for axis, name in zip(axes, names, strict=True)
    ]


def as_json(
    model: Model, pair: Pair, answer: Word, against: Word | None, sweep: Sweep
) -> dict[str, Any]:
    """Return everything for JSON; a missing number is null."""
    values = np.where(np.isfinite(sweep.values), sweep.values, 0.0).tolist()
    missing = ~np.isfinite(sweep.values)
    return {
        "model": model.name,
        "class": type(model.model).__name__,
        "dtype": model.dtype,
        "clean_tokens": pair.clean.labels,
        "corrupted_tokens": pair.corrupted.labels,
        "target_tokens": None if pair.target is None else pair.target.labels,
        "answer": {"text": answer.text, "id": answer.id},
        "against": None if against is None else {"text": against.text, "id": against.id},
        "clean": sweep.target,
        "corrupted": sweep.before,
        "axes": {name: list(entries) for name, entries in sweep.axes.items()},
        "changes": _with_null(values, missing.tolist()),
    }


def _with_null(values: Any, missing: Any) -> Any:
    if isinstance(values, list):
        return [
            _with_null(one, is_missing) for one, is_missing in zip(values, missing, strict=True)
        ]
    return None if missing else values
