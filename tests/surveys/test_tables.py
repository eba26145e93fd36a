"""Rows of heads: what they say, as JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math

import numpy as np
import pytest

from clearhead.errors import MissingExtraError
from clearhead.surveys.scales import SCALES
from clearhead.surveys.statistics import HeadStatistics
from clearhead.surveys.tables import (
    check_parquet,
    head_rows,
    table_rows,
    to_csv,
    to_json,
    to_parquet,
)
from tests.surveys.readings import text_readings

READINGS = text_readings(3, 10)
STATISTICS = HeadStatistics.of("ab", READINGS)


def test_a_row_has_the_numbers_of_its_texts():
    row = next(r for r in table_rows(STATISTICS) if (r["head"], r["measure"]) == (1, "entropy"))
    values = [one.layers[2, "layers.0", 0].values["entropy"][1] for one in READINGS]
    assert (row["module"], row["layer"], row["unit"], row["count"]) == ("layers.0", "0", "nats", 10)
    assert row["mean"] == pytest.approx(np.mean(values), abs=1e-7)
    assert row["variance"] == pytest.approx(np.var(values), abs=1e-7)
    assert (row["minimum"], row["maximum"]) == pytest.approx((min(values), max(values)), abs=1e-7)
    expected = np.histogram(values, [*SCALES["entropy"].edges[:-1], 99])[0]
    assert row["histogram"] == expected.tolist()
    assert len(row["edges"]) == len(row["histogram"]) + 1
    assert row["edges"][-1] is None
    assert sum(value for name, value in row.items() if name.startswith("texts_")) == 10


def test_the_share_is_that_of_texts_that_have_the_score():
    shares = 0
    for row in head_rows(STATISTICS):
        kind, name = row.scored.kind, row.layer.module
        if kind is None:
            assert math.isnan(row.share)
            continue
        layers = [
            layer
            for one in READINGS
            for (_, module, call), layer in one.layers.items()
            if (module, call) == (name, row.layer.call or 0)
        ]
        having = [
            layer
            for layer in layers
            if kind in layer.values and not np.isnan(layer.values[kind][row.head])
        ]
        if kind in ("broad", "mixed"):
            having = [layer for layer in layers if layer.kinds[row.head] is not None]
        assert row.share == sum(one.kinds[row.head] == kind for one in layers) / len(having)
        shares += 1
    assert shares


def test_json_and_csv_have_every_head():
    content = json.loads(to_json(STATISTICS, 4))
    assert (content["texts"], content["rejects"], content["model"]) == (10, 4, {"sha256": "ab"})
    assert content["not_read"][0]["reason"] == "a mask of # keys"
    assert [(one["module"], one["call"], one["head"]) for one in content["heads"]] == [
        ("layers.0", 0, 0), ("layers.0", 0, 1), ("layers.0", 0, 2),
        ("layers.1", 0, 0), ("layers.1", 0, 1), ("layers.1", 1, 0), ("layers.1", 1, 1),
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(to_csv(STATISTICS).decode())))
    assert len(rows) == sum(len(one["measures"]) for one in content["heads"])
    first = content["heads"][0]["measures"][rows[0]["measure"]]
    assert float(rows[0]["mean"]) == first["mean"]
    assert list(map(int, rows[0]["histogram"].split())) == first["histogram"]
    assert rows[0]["edges"].endswith(" inf")


def test_of_no_text_there_are_empty_tables():
    nothing = HeadStatistics()
    assert json.loads(to_json(nothing, 7))["heads"] == []
    assert to_csv(nothing).count(b"\n") == 1


def test_parquet_reads_back_as_the_rows():
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow")
    content = to_parquet(STATISTICS)
    assert content == to_parquet(STATISTICS)
    table = parquet.read_table(io.BytesIO(content))
    assert table.to_pylist() == list(table_rows(STATISTICS))
    assert parquet.read_table(io.BytesIO(to_parquet(HeadStatistics()))).num_rows == 0


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is not None, reason="it is installed")
def test_without_pyarrow_it_says_how_to_get_it():
    with pytest.raises(MissingExtraError, match=r'in Parquet needs .*"clearhead\[parquet\]"'):
        check_parquet()
