"""Arrays are stored in few bytes, from which the same numbers come back."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from clearhead.explorer.offline import numbers
from clearhead.explorer.offline.answers import LEVELS, PageAnswers
from clearhead.explorer.offline.numbers import Pack, narrowest, planes
from clearhead.reference.tracing.steps import kinds
from tests.explorer.walked import bundled
from tests.explorer.word_tables import FRONT

TEXT = "The black cat sleeps."


Array = np.ndarray[Any, Any]


@given(arrays(np.float64, array_shapes(max_dims=3)))
def test_narrowing_loses_nothing(x: Array) -> None:
    narrow = narrowest(x)
    np.testing.assert_array_equal(narrow.astype(np.float64), x)
    np.testing.assert_array_equal(np.signbit(narrow), np.signbit(x))


def test_narrowing_takes_the_narrowest() -> None:
    assert narrowest(np.array([0.5, -2048.0, -np.inf])).dtype == np.float16
    assert narrowest(np.array([0.5, 1e6])).dtype == np.float32
    assert narrowest(np.array([1e-8])).dtype == np.float64
    assert narrowest(np.array([3, -1])).dtype == np.int32


@given(st.sampled_from(["float64", "float32", "float16", "int32"]), st.integers(0, 9), st.data())
def test_sorted_bytes_come_back_in_order(name: str, size: int, data: st.DataObject) -> None:
    x = data.draw(arrays(np.dtype(name), (size,)))
    sorted_bytes = planes(x)
    back = np.ascontiguousarray(sorted_bytes.reshape(x.itemsize, size).T).view(name).ravel()
    assert back.tobytes() == x.tobytes()


def test_known_numbers_are_not_stored_again() -> None:
    pack = Pack()
    x = np.linspace(0, 1, 6)
    pack.add("one", x)
    pack.add("other", x.reshape(2, 3).copy())
    assert pack.entries[1] == {"path": "other", "shape": [2, 3], "recipe": "copy", "of": ["one"]}
    assert sum(data.size for data in pack.arrays().values()) == x.nbytes


def test_a_recipe_is_taken_only_where_it_gives_the_same_numbers() -> None:
    constants = numbers.Constants.of({"d_model": 8, "num_heads": 2, "norm_epsilon": 0.0})
    formula = "scores / sqrt(head_dim)"
    step = {"path": "a.scaled", "of": ["a.scores"], "formula": formula}
    scores = np.array([[0.3, 0.7], [1.1, -0.2]])
    pack = Pack()
    pack.add("a.scores", scores)
    pack.add_step(step, scores * 0.5, constants)
    assert pack.entries[1]["recipe"] == "times"
    pack.add_step({**step, "path": "b.scaled"}, np.nextafter(scores * 0.5, 9), constants)
    assert pack.entries[2]["stored"] == "float64"


def test_python_and_the_page_carry_out_the_declared_operations() -> None:
    declared = {kind.recipe.operation for kind in kinds() if kind.recipe is not None}
    assert set(numbers._OPERATIONS) == declared
    source = (FRONT / "core/protocol.ts").read_text("utf-8")
    names = re.search(r"recipe\?:([^;]*);", source)
    assert names is not None
    assert set(re.findall(r'"(\w+)"', names[1])) == declared | {numbers.COPY}


def test_every_operation_saves_numbers_of_the_bundled_model() -> None:
    json, _ = PageAnswers(bundled(), {"text": TEXT}, "", 0).pack(LEVELS[0])
    operations = {entry["recipe"] for entry in json["arrays"] if "recipe" in entry}
    assert operations == {*numbers._OPERATIONS, numbers.COPY}
