"""Statistics of heads as files: JSON with everything, Parquet or CSV as tables.

A table has a row for each head and measure. Equal statistics give equal bytes; for Parquet, with
the same version of pyarrow.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import require
from ..head_kinds import ScoredHead
from .layer_statistics import ROWS
from .scales import SCALES
from .stacks import LayerInStack, Stack, stacks_of
from .statistics import HeadStatistics

JSON_FORMAT = 1
PARQUET = "A table in Parquet"


@dataclass(frozen=True)
class HeadRow:
    """One head over all texts.

    Attributes:
        stack: that the head belongs to.
        layer: that the head belongs to.
        head: its number.
        scored: its kind, margin and scores over all queries of all texts.
        texts: the number of texts in which it was of each kind; None is the key for no kind.
    """

    stack: Stack
    layer: LayerInStack
    head: int
    scored: ScoredHead
    texts: dict[str | None, int]

    @property
    def share(self) -> float:
        """The share of texts in which the head is of its kind, among those in which it could be.

        It could be of its kind in texts that have the score of that name (short texts have no
        ``local``); for ``broad`` and ``mixed``, in texts that give it any kind. NaN without a kind.
        """
        kind, scores = self.scored.kind, self.layer.statistics.measures
        among = sum(count for one, count in self.texts.items() if one is not None)
        if kind is not None and kind in scores:
            among = scores[kind].counts[self.head]
        return self.texts[kind] / among if kind and among else math.nan

    def place(self) -> dict[str, Any]:
        """Return the head's location and kind."""
        margin = self.scored.margin
        return {
            "stack": self.stack.pattern,
            "layer": self.layer.label,
            "module": self.layer.module,
            "call": self.layer.call or 0,
            "attention": self.stack.attention,
            "head": self.head,
            "kind": self.scored.kind,
            "margin": None if math.isnan(margin) else margin,
        }

    def measures(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each measure that has a value of the head in some text, with its statistics."""
        for name, one in self.layer.statistics.measures.items():
            if one.counts[self.head]:
                yield (
                    name,
                    {
                        "count": one.counts[self.head],
                        "mean": one.means[self.head],
                        "variance": one.variances[self.head],
                        "minimum": one.minima[self.head],
                        "maximum": one.maxima[self.head],
                        "histogram": one.histogram[self.head].tolist(),
                    },
                )


def head_rows(statistics: HeadStatistics) -> Iterator[HeadRow]:
    """Yield every head, in the order of the model."""
    for stack in stacks_of(statistics):
        for layer in stack.layers:
            for head, scored in enumerate(layer.statistics.scored()):
                counts = layer.statistics.kinds[head].tolist()
                yield HeadRow(stack, layer, head, scored, dict(zip(ROWS, counts, strict=True)))


def table_rows(statistics: HeadStatistics) -> Iterator[dict[str, Any]]:
    """Yield a row for each head and measure.

    ``edges`` are the edges of the bins, one more than there are bins; an infinite edge is None.
    ``texts_KIND`` is the number of texts in which the head was of a kind.
    """
    for row in head_rows(statistics):
        texts = {f"texts_{kind or 'none'}": count for kind, count in row.texts.items()}
        for measure, numbers in row.measures():
            scale = SCALES[measure]
            edges = [None if math.isinf(edge) else edge for edge in scale.edges]
            about = {"measure": measure, "unit": scale.unit, **numbers, "edges": edges}
            yield {**row.place(), **about, **texts}


def to_json(statistics: HeadStatistics, rejects: int) -> bytes:
    """Return the full statistics of all heads as JSON, with a line for each head.

    Args:
        statistics: over all texts.
        rejects: the number of rejected lines.
    """
    opening = {
        "format": JSON_FORMAT,
        "model": {"sha256": statistics.model},
        "texts": statistics.texts,
        "rejects": rejects,
        "tokens": statistics.tokens,
        "target_tokens": statistics.target_tokens,
        "cut_targets": statistics.cut_targets,
        "not_read": [
            {"module": name, "reason": why, "texts": count}
            for (name, why), count in statistics.refusals.items()
        ],
        "edges": {
            scale.unit: [None if math.isinf(edge) else edge for edge in scale.edges]
            for scale in dict.fromkeys(SCALES.values())
        },
        "units": {measure: scale.unit for measure, scale in SCALES.items()},
    }
    heads = [
        {
            **row.place(),
            "texts": row.layer.statistics.texts,
            "texts_of_kind": {kind or "none": n for kind, n in row.texts.items() if n},
            "scores": row.scored.scores,
            "measures": dict(row.measures()),
        }
        for row in head_rows(statistics)
    ]
    members = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in opening.items()]
    lines = ",\n".join(map(json.dumps, heads))
    return ("{" + ",\n".join([*members, f'"heads": [\n{lines}\n]']) + "}\n").encode()


def to_csv(statistics: HeadStatistics) -> bytes:
    """Return the table as CSV; bins of histograms and their edges are separated by spaces."""
    stream = io.StringIO()
    names = [*_COLUMNS, *(f"texts_{kind or 'none'}" for kind in ROWS)]
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for row in table_rows(statistics):
        histogram = " ".join(map(str, row["histogram"]))
        edges = " ".join("inf" if edge is None else f"{edge:g}" for edge in row["edges"])
        writer.writerow({**row, "histogram": histogram, "edges": edges})
    return stream.getvalue().encode()


def check_parquet() -> None:
    """Check in advance that Parquet can be written.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    require("pyarrow", extra="parquet", purpose=PARQUET)


def to_parquet(statistics: HeadStatistics) -> bytes:
    """Return the table as a Parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow: Any = require("pyarrow", extra="parquet", purpose=PARQUET)
    parquet: Any = require("pyarrow.parquet", extra="parquet", purpose=PARQUET)
    types = {
        **{name: getattr(arrow, kind)() for name, kind in _COLUMNS.items() if kind != "list"},
        "histogram": arrow.list_(arrow.int64()),
        "edges": arrow.list_(arrow.float64()),
    }
    fields = [arrow.field(name, types[name]) for name in _COLUMNS]
    fields += [arrow.field(f"texts_{kind or 'none'}", arrow.int64()) for kind in ROWS]
    table = arrow.Table.from_pylist(list(table_rows(statistics)), schema=arrow.schema(fields))
    sink = arrow.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


_COLUMNS = {
    "stack": "string",
    "layer": "string",
    "module": "string",
    "call": "int64",
    "attention": "string",
    "head": "int64",
    "kind": "string",
    "margin": "float64",
    "measure": "string",
    "unit": "string",
    "count": "int64",
    "mean": "float64",
    "variance": "float64",
    "minimum": "float64",
    "maximum": "float64",
    "histogram": "list",
    "edges": "list",
}
"""The columns of a table, except for those of kinds, with their Arrow types."""
