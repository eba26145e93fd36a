"""HeadKinds: a table of what kind each head is, over one text or many."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import ConfigError, require
from ...head_kinds import COPYING, KINDS, MEASURES, HeadSums, scored_heads
from ...shapes import Array, Float

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

NO_WEIGHTS = (
    "copying follows from weights, which are not part of a recording: give "
    "heads(copying=clearhead.copying_scores(model, inputs))"
)


class HeadRow(NamedTuple):
    """One head of a recording.

    Attributes:
        module: its name, with the number of the call where the module was called several times.
        head: its index in the module.
        attention: ``"self"`` or ``"cross"``.
        kind: what it mostly does, one of `clearhead.head_kinds.KINDS`; None where fewer than three
            queries may attend to more than one key.
        margin: the smallest change of a score that changes the kind; NaN without a kind.
        scores: a number from 0 to 1 for each measure that applies to it.
        copying: how far its weights copy what it reads, from -1 to 1
            (`clearhead.head_kinds.CopyingScores`); NaN where it is not known.
    """

    module: str
    head: int
    attention: str
    kind: str | None
    margin: float
    scores: dict[str, float]
    copying: float = math.nan

    @property
    def copies(self) -> bool:
        """Whether it is a copying head, in addition to its kind."""
        return self.copying >= COPYING


@dataclass(frozen=True, eq=False)
class HeadKinds:
    """What kind each head is: a row for each, printed as a table.

    `clearhead.head_kinds` has the formulas and their sources. Scores hold for the texts that were
    read and for no others; ``first + second`` is the table over the texts of both. Each text adds
    its totals as multiples of 2**-24, so that sums have the same bits in any order.

    Attributes:
        model: the class of the model.
        attentions: ``"self"`` or ``"cross"`` by the name of the module.
        sums: the totals of the module's heads, by the same names.
        texts: the number of texts; each row of a batch is one.
        notes: what could not be measured, and why.
        copying: how far each head copies, by the same names; modules without scores are left out.
    """

    model: str
    attentions: Mapping[str, str]
    sums: Mapping[str, HeadSums]
    texts: int = 1
    notes: tuple[str, ...] = field(default=())
    copying: Mapping[str, Float[Array, "heads"]] = field(default_factory=dict)

    @property
    def rows(self) -> list[HeadRow]:
        """One row for each head, in the order of modules."""
        return [
            HeadRow(name, head, self.attentions[name], *scored, self._copying_of(name, head))
            for name, sums in self.sums.items()
            for head, scored in enumerate(scored_heads(sums))
        ]

    def _copying_of(self, name: str, head: int) -> float:
        return float(self.copying[name][head]) if name in self.copying else math.nan

    def __iter__(self) -> Iterator[HeadRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return sum(len(sums.queries) for sums in self.sums.values())

    def of_kind(self, kind: str) -> list[HeadRow]:
        """Return the heads of a kind, those with the largest margin first.

        Args:
            kind: one of `clearhead.head_kinds.KINDS`; or ``"copying"``, which a head can be in
                addition to its kind: those with the largest score first.

        Raises:
            ConfigError: there is no such kind, or no copying score is known.
        """
        if kind == "copying":
            self._check_copying()
            return sorted((row for row in self.rows if row.copies), key=lambda row: -row.copying)
        if kind not in KINDS:
            raise ConfigError(
                f"There is no kind of head {kind!r}; there are {', '.join(KINDS)}, and copying "
                "beside these."
            )
        heads = [row for row in self.rows if row.kind == kind]
        return sorted(heads, key=lambda row: -row.margin)

    def scores(self, measure: str) -> dict[str, Float[Array, "heads"]]:
        """Return a measure by module; NaN for heads to which it does not apply.

        Raises:
            ConfigError: there is no such measure, or nothing has it here.
        """
        if measure == "copying":
            self._check_copying()
            return dict(self.copying)
        if measure not in MEASURES:
            raise ConfigError(
                f"There is no score {measure!r}; there are {', '.join(MEASURES)} and copying."
            )
        by_module = {name: sums.scores().get(measure) for name, sums in self.sums.items()}
        scores = {name: values for name, values in by_module.items() if values is not None}
        if not scores:
            why = " ".join(f"{note}." for note in self.notes) or (
                "It belongs to the other of self- and cross-attention."
            )
            raise ConfigError(f"No attention here has the score {measure!r}. {why}")
        return scores

    def _check_copying(self) -> None:
        if not self.copying:
            raise ConfigError(
                "No copying scores are known here: they follow from a model's weights. Give "
                "heads(copying=clearhead.copying_scores(model, inputs))."
            )

    # Over many texts

    def __add__(self, other: HeadKinds) -> HeadKinds:
        """Return the table over the texts of both.

        Raises:
            ConfigError: they are not tables of one model with the same scores.
        """
        self._check_alike(other)
        copying = {**self.copying, **other.copying}
        notes = dict.fromkeys((*self.notes, *other.notes))
        if copying:
            notes.pop(NO_WEIGHTS, None)
        return HeadKinds(
            self.model,
            self.attentions,
            {name: sums + other.sums[name] for name, sums in self.sums.items()},
            self.texts + other.texts,
            tuple(notes),
            copying,
        )

    def merge(self, *others: HeadKinds) -> HeadKinds:
        """Return the table over the texts of all of them.

        Raises:
            ConfigError: they are not tables of one model with the same scores.
        """
        total = self
        for other in others:
            total = total + other
        return total

    def _check_alike(self, other: HeadKinds) -> None:
        if self.sums.keys() != other.sums.keys():
            apart = ", ".join(sorted(self.sums.keys() ^ other.sums.keys())[:3])
            raise ConfigError(
                f"Tables are added for the same modules, and only one of these has {apart}. Record "
                "the same layers of the same model, one pass at a time."
            )
        for name, sums in self.sums.items():
            if len(sums.queries) != len(other.sums[name].queries):
                raise ConfigError(
                    f"{name!r} has {len(sums.queries)} heads in one table and "
                    f"{len(other.sums[name].queries)} in the other: they are of two models."
                )
            ours, theirs = self.copying.get(name), other.copying.get(name)
            if ours is not None and theirs is not None and not np.array_equal(ours, theirs):
                raise ConfigError(
                    f"The heads of {name!r} have other copying scores in one table than in the "
                    f"other: they "
                    "are of two models."
                )
            if sums.totals.keys() != other.sums[name].totals.keys():
                apart = ", ".join(sorted(sums.totals.keys() ^ other.sums[name].totals.keys()))
                raise ConfigError(
                    f"Only one of the two tables has {apart} of {name!r}, so their mean would be "
                    "over a part of the texts. Give token ids to both or to neither."
                )

    # Showing

    def __repr__(self) -> str:
        measures = self._measures()
        copying = ["copying"] if self.copying else []
        lines = [
            ("module", "head", "kind", "margin", *measures, *copying),
            *(
                (
                    row.module or "(the model)",
                    str(row.head),
                    row.kind or "-",
                    _number(row.margin),
                    *(_number(row.scores.get(name, math.nan)) for name in measures),
                    *(_number(row.copying) for _ in copying),
                )
                for row in self.rows
            ),
        ]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        count = f"{self.texts} text{'' if self.texts == 1 else 's'}"
        model = f" of {self.model}" if self.model else ""
        heads = f"{len(self)} head{'' if len(self) == 1 else 's'}"
        table = [
            "  ".join(
                cell.ljust(width) if at in (0, 2) else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        title = f"Kinds of heads{model}: {heads}, {count}"
        return "\n".join([title, *table, *(f"note: {note}" for note in self.notes)])

    def to_dataframe(self) -> DataFrame:
        """Make a pandas table: module, head, attention, kind, margin and a column for each score.

        The last is ``copying``, where it is known.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        require("pandas", extra="frames", purpose="A table of heads")
        import pandas

        measures = self._measures()
        columns: dict[str, Sequence[Any]] = {
            name: [getattr(row, name) for row in self.rows]
            for name in ("module", "head", "attention", "kind", "margin")
        }
        for measure in measures:
            columns[measure] = [row.scores.get(measure, math.nan) for row in self.rows]
        if self.copying:
            columns["copying"] = [row.copying for row in self.rows]
        return pandas.DataFrame(columns)

    def plot(self, *, save: str | Path | None = None) -> Figure:
        """Draw layers by heads, each in the colour of its kind; a dot marks those that copy.

        Args:
            save: a .png or .svg file to write as well.

        Raises:
            ConfigError: there are no heads, or the file's name is neither .png nor .svg.
            MissingExtraError: matplotlib is not installed.
        """
        from ..pictures.kind_grid import plot_kinds

        kinds: dict[str, list[str | None]] = {name: [] for name in self.sums}
        for row in self.rows:
            kinds[row.module].append(row.kind)
        copying = {(row.module, row.head) for row in self.rows if row.copies}
        title = f"Kinds of heads of {self.model or 'a model'}"
        return plot_kinds(kinds, copying=copying, title=title, save=save)

    def _measures(self) -> list[str]:
        """Return the measures that any module has, in their order."""
        return [name for name in MEASURES if any(name in one.totals for one in self.sums.values())]


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"
