"""Numbers with names for their axes and entries."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from clearhead.attribution.named_values import NamedValues
from clearhead.errors import ConfigError

VALUES = NamedValues(
    "effect",
    np.array([[1.0, -3.0, np.nan], [0.5, 0.0, 2.0]]),
    {"module": ("a.0", "a.1"), "head": ("0", "1", "2")},
    ("a remark",),
)


def test_parts_and_sums():
    assert VALUES.names == ("module", "head")
    assert VALUES.total == 0.5
    np.testing.assert_array_equal(VALUES.sum_over("head"), [-2.0, 2.5])
    np.testing.assert_array_equal(VALUES.at(module="a.1"), [0.5, 0.0, 2.0])
    assert VALUES.at(module="a.1", head=2) == 2.0
    assert VALUES.largest(2) == [(("a.0", "1"), -3.0), (("a.1", "2"), 2.0)]


def test_it_is_read_in_a_terminal():
    assert str(VALUES).splitlines() == [
        "effect (2 module, 3 head); the sum is +0.500000",
        "   -3.000000  a.0  1",
        "   +2.000000  a.1  2",
        "   +1.000000  a.0  0",
        "   +0.500000  a.1  0",
        "              and 1 more",
        "note: a remark",
    ]


def test_a_table_leaves_out_what_is_not_there():
    table = VALUES.to_dataframe()
    assert list(table.columns) == ["module", "head", "value"]
    assert len(table) == 5
    assert table.loc[1].tolist() == ["a.0", "1", -3.0]


def test_a_picture(tmp_path):
    figure = VALUES.plot(save=tmp_path / "effect.svg")
    assert figure.get_axes()[0].get_ylabel() == "module"
    assert (tmp_path / "effect.svg").stat().st_size > 1000
    line = NamedValues("effect", VALUES.values[0], {"head": ("0", "1", "2")})
    assert line.plot().get_axes()[0].get_xlabel() == "head"
    cube = NamedValues("effect", np.zeros((1, 1, 1)), {"a": ("0",), "b": ("0",), "c": ("0",)})
    with pytest.raises(ConfigError, match="two axes; these are a, b, c"):
        cube.plot()


def test_names_that_are_not_there():
    with pytest.raises(ConfigError, match="no axis 'layer'; the axes are module, head"):
        VALUES.sum_over("layer")
    with pytest.raises(ConfigError, match=r"'module' has no 'b'; it has 'a.0', 'a.1'"):
        VALUES.at(module="b")
