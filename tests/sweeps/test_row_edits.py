"""Each copy has its own edit, and no other has it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.row_edits import RowEdit  # noqa: E402


def test_each_copy_is_edited_elsewhere():
    x = torch.randn(4, 3, 5, 2)  # two copies of two texts
    values = torch.randn(2, 3, 5, 2)
    mask = torch.tensor([[True, False, False], [False, False, True]])
    changed = RowEdit(mask, values, batch=2)(x)
    expected = x.clone()
    expected[:2, 0] = values[:, 0]
    expected[2:, 2] = values[:, 2]
    assert torch.equal(changed, expected)


def test_values_are_expanded():
    x = torch.randn(4, 3, 2)
    mask = torch.tensor([[True, False, True], [False, True, False]])
    changed = RowEdit(mask, torch.zeros(()), batch=2)(x)
    assert (changed[:2, [0, 2]] == 0).all()
    assert torch.equal(changed[:2, 1], x[:2, 1])
    assert (changed[2:, 1] == 0).all()


@pytest.mark.parametrize("shape", [(3, 3, 2), (4, 5, 2)])
def test_another_first_axis_is_refused(shape):
    mask = torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(ConfigError, match="expects 2 times 2 of them with 3 entries each"):
        RowEdit(mask, torch.zeros(()), batch=2)(torch.zeros(shape))
