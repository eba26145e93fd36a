"""`Translate` as the maker of functions of the real Spark, on a local master."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from clearhead.batch import Translate

pyspark = pytest.importorskip("pyspark", reason="pip install pyspark")
pytest.importorskip("pyarrow", reason="pip install pyarrow")
ROOT = Path(__file__).parents[3]
TEXTS = ["the old house", "", "la maison by the river", "12:30", "the river"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_predict_batch_udf_translates_a_column(folder, monkeypatch):
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StringType

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
        translate = Translate(folder, max_length=6)
        frame = session.createDataFrame(list(enumerate(TEXTS)), ["id", "text"])
        udf = predict_batch_udf(translate, return_type=StringType(), batch_size=2)
        rows = frame.withColumn("translation", udf("text")).collect()
        assert [row.translation for row in sorted(rows)] == translate(TEXTS)
    finally:
        session.stop()
