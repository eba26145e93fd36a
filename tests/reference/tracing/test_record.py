from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import TraceError
from clearhead.reference.tracing.record import Record, enumeration, suggestion


def test_patterns_are_over_the_whole_path() -> None:
    record = Record(("*.weights", "sum"), {"decoder.*": abs})
    paths = ["decoder.layers.0.weights", "weights", "sum", "a.sum"]
    assert [record.keeps(path) for path in paths] == [True, False, True, False]
    assert record.asks("decoder.layers.0.contributions")
    assert not record.asks("encoder.layers.0.contributions")
    assert Record(None, {}).keeps("anything")
    assert not Record(None, {}).asks("anything")


def test_a_source_is_the_nearest_of_its_name() -> None:
    record = Record(None, {})
    record.visited = dict.fromkeys(["x", "decoder.x", "decoder.layers.0.y"])
    assert record.source("decoder.layers.0.z", "decoder.layers.0", "x") == "decoder.x"
    assert record.source("encoder.z", "encoder", "x") == "x"
    assert record.source("z", "", "decoder.x") == "decoder.x"
    with pytest.raises(TraceError, match=r"'z' says .* 'y', .* in 'this trace' .*layers\.0\.y"):
        record.source("z", "", "y")


def test_replacements_act_in_order_on_copies_and_are_remembered() -> None:
    value = np.array([1, 2], np.float32)
    record = Record(None, {"x": lambda x: x + 1, "?": lambda x: 10.0 * x, "y": abs})
    result = record.replacement("x", value)
    assert result.tolist() == [20, 30]
    assert result.dtype == np.float32
    assert value.tolist() == [1, 2]
    assert record.matching == {"x", "?"}
    assert record.replacement("z.z", value) is value


@pytest.mark.parametrize(
    ("result", "came"), [(None, "None"), (0.0, r"the shape \(\)"), ([1], r"the shape \(1,\)")]
)
def test_a_replacement_keeps_the_shape(result: object, came: str) -> None:
    record = Record(None, {"x*": lambda x: result})
    with pytest.raises(TraceError, match=rf"'x\*' of 'xy' must .* \(2,\); it returned {came}\."):
        record.replacement("xy", np.zeros(2))


def test_paths_that_are_alike_are_suggested_first() -> None:
    paths = ["encoder.tokens", "encoder.layers.0.scores", "decoder.layers.0.weights"]
    assert suggestion("encoder.layer.0.scores", paths).startswith(
        f" There are, for example: {paths[1]},"
    )
    assert suggestion("q.weights", paths).endswith(f"example: {paths[2]}.")  # of the same name
    assert suggestion("zzz", paths).endswith(f"example: {', '.join(paths)}.")
    assert suggestion("zzz", []) == " Nothing has been recorded."


def test_an_enumeration_ends_after_a_few() -> None:
    assert enumeration(list("abcde")) == "a, b, c, d, e"
    assert enumeration(list("abcdef")) == "a, b, c, d, e, …"
