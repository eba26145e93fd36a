"""Columns out of batches and into them."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.batch import columns
from clearhead.errors import ConfigError


def test_what_is_missing_is_none():
    assert columns.values_of(["a", None, float("nan"), np.float32("nan"), 3.5]) == [
        "a", None, None, None, 3.5,
    ]  # fmt: skip
    pandas = pytest.importorskip("pandas")
    assert columns.values_of(pandas.Series(["a", pandas.NA])) == ["a", None]


def test_a_new_column_is_of_the_kind_of_the_other_one():
    assert columns.like(("a", "b"), ["x", None]) == ["x", None]
    array = columns.like(np.array(["a", "b"]), ["x", None])
    assert (array.dtype, array.tolist()) == (object, ["x", None])


def test_no_column_is_replaced():
    with pytest.raises(ConfigError, match="which would be lost"):
        columns.with_columns({"a": [1]}, {"b": [2], "a": [3]})


def test_a_row_is_a_table_of_the_same_kind():
    values = {"a": b"x", "b": "y"}
    assert columns.one_row_like({"text": ["one", "two"]}, values) == {"a": [b"x"], "b": ["y"]}
    pandas = pytest.importorskip("pandas")
    frame = columns.one_row_like(pandas.DataFrame({"text": ["one"]}), values)
    assert frame.to_dict("list") == {"a": [b"x"], "b": ["y"]}
