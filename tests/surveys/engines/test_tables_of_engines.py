"""Surveys as a function of the real Spark and datasets."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.surveys import HeadStatistics, HeadSurvey

ROOT = Path(__file__).parents[3]
TEXTS = ["hello world again", "the street was red", "the animal", "la rue la rue", "too tired"]


def total(rows):
    """Return the sum of rows as bytes."""
    return HeadStatistics.merge(map(HeadStatistics.from_bytes, rows)).to_bytes()


@pytest.mark.slow
def test_datasets_map_gives_a_row_for_each_batch(folder):
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    arrow = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    survey = HeadSurvey(folder("gpt2"))
    # With a fingerprint of its own: some versions of dill cannot hash a table of Arrow.
    table = datasets.table.InMemoryTable(arrow.table({"text": TEXTS}))
    data = datasets.Dataset(table, fingerprint="some-texts")
    rows = data.map(survey, batched=True, batch_size=2, remove_columns=["text"])
    assert len(rows) == 3
    assert total(rows["statistics"]) == survey.accumulate(TEXTS).to_bytes()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_map_in_pandas_gives_a_row_for_each_batch(folder, monkeypatch):
    pytest.importorskip("pyspark", reason="pip install pyspark")
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    paths = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "512m")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    try:
        survey = HeadSurvey(folder("gpt2"))
        frame = session.createDataFrame([(text,) for text in TEXTS], ["text"]).repartition(2)
        rows = frame.mapInPandas(
            lambda frames: map(survey, frames), "statistics binary, rejects string"
        ).collect()
        assert total(bytes(row.statistics) for row in rows) == survey.accumulate(TEXTS).to_bytes()
    finally:
        session.stop()
