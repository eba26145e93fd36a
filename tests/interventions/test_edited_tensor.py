"""An edit of a part of a tensor leaves the rest, and its gradient, as they are."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.interventions.edited_tensor import Frame, apply_edit
from clearhead.interventions.edits import TensorEdit
from clearhead.interventions.positions import Positions

X = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
FRAME = Frame("attention", 7, 2, 1)


@pytest.mark.parametrize("heads", [None, (0, 2)])
@pytest.mark.parametrize(
    ("positions", "rows"),
    [(None, range(5)), ([8, 11, 90], [1, 4]), (slice(9, None), [2, 3, 4])],
)
def test_a_part_is_edited(heads, positions, rows):
    x = X.clone().requires_grad_()
    places = []

    def change(part, place):
        places.append(place)
        return 3.0 * part + 1.0

    edit = TensorEdit("words", heads, "heads", change, Positions.of(positions))
    y = apply_edit(x, edit, FRAME)
    of_heads = torch.zeros(3, dtype=torch.bool)
    of_heads[list(heads or range(3))] = True
    of_rows = torch.zeros(5, dtype=torch.bool)
    of_rows[list(rows)] = True
    chosen = (of_heads[:, None] & of_rows)[None, :, :, None]
    assert torch.equal(y, torch.where(chosen, 3.0 * X + 1.0, X))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, torch.where(chosen, 3.0, 1.0).expand(X.shape).double())
    assert places[0].heads == (heads or (0, 1, 2))
    assert places[0].positions.tolist() == [7 + row for row in rows]
    assert edit.applied
    assert torch.equal(x, X)


def test_positions_that_are_not_there_change_nothing():
    edit = TensorEdit("words", None, "heads", lambda x, _: 0 * x, Positions.of([3, 12]))
    assert apply_edit(X, edit, FRAME) is X
    assert not edit.applied


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, _: None, r"The function of my edit returned NoneType; .* shape \[2, 3, 5, 4\]"),
        (
            lambda x, _: x[0],
            r"my edit gives the shape \[3, 5, 4\] .* have the shape \[2, 3, 5, 4\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        apply_edit(X, TensorEdit("my edit", None, "heads", change), FRAME)


def test_positions_need_to_be_known():
    edit = TensorEdit("my edit", None, "heads", lambda x, _: 0 * x, Positions.of(1))
    with pytest.raises(ConfigError, match="my edit is limited to positions, and nobody knows"):
        apply_edit(X, edit, Frame("attention", None, 2, 1, "nobody knows"))
    every = TensorEdit("my edit", None, "heads", lambda x, _: 0 * x)
    assert not apply_edit(X, every, Frame("attention", None, 2, 1, "nobody knows")).any()
