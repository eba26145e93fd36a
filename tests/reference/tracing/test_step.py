from __future__ import annotations

import numpy as np

from clearhead.reference.tracing.step import Step, table


def test_a_step_prints_with_named_axes() -> None:
    step = Step("a.b", np.zeros((2, 3)), ("query_len", "key_len"), "Q K^T", ("a.q",), True)

    assert repr(step) == "<Step a.b (query_len 2, key_len 3) float64: Q K^T of a.q, replaced>"


def test_a_step_without_names_of_axes_prints_its_shape() -> None:
    assert repr(Step("x", np.zeros((2, 3)))) == "<Step x ((2, 3)) float64: >"


def test_the_name_is_the_last_part_of_the_path() -> None:
    assert Step("a.b.c", np.zeros(1)).name == "c"
    assert Step("c", np.zeros(1)).name == "c"


def test_columns_of_a_table_are_aligned() -> None:
    steps = [
        Step("input", np.zeros(3), ("length",), "x"),
        Step("a.sum", np.array(1.0), (), "sum", replaced=True),
    ]
    assert table(steps) == (
        "input  3       length  x\n"
        "a.sum  scalar          sum (replaced)"
    )  # fmt: skip
    assert table([]) == ""
