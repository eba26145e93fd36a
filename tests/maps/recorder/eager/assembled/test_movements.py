from __future__ import annotations

import torch

from clearhead.maps.recorder.eager._nodes import Addition, storage_of
from clearhead.maps.recorder.eager.assembled._movements import UNKNOWN_INDEX, Movements, Piece


def test_operators_that_move_numbers_are_noted_with_what_they_wrote_to():
    x, movements = torch.randn(3, 4), Movements()
    copy = x.clone()
    movements.note("clone", (x,), {}, copy)
    movements.note("sin", (x,), {}, x.sin())  # computes other numbers
    movements.note("clone", (x,), {}, torch.ones(2).bool())  # no numbers
    assert len(movements) == 1
    (movement,) = movements.before(storage_of(copy), None)
    assert movement.name == "clone"
    assert movement.args[0].storage == storage_of(x)
    assert movements.before(storage_of(copy), movement.time) == []


def test_indices_are_copied_before_a_model_writes_to_them():
    x, index, movements = torch.randn(3, 4), torch.tensor([0, 2]), Movements()
    out = x[index]
    movements.note("index", (x, [index]), {}, out)
    index.fill_(1)
    (movement,) = movements.before(storage_of(out), None)
    assert movement.args[1][0].tolist() == [0, 2]


def test_an_index_that_is_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr("clearhead.maps.recorder.eager.assembled._movements._LARGEST_INDEX", 1)
    x, index, movements = torch.randn(3, 4), torch.tensor([0, 2]), Movements()
    out = x[index]
    movements.note("index", (x, [index]), {}, out)
    assert movements.before(storage_of(out), None)[0].args[1] == [UNKNOWN_INDEX]


def test_terms_are_copied_before_a_write():
    x, term, movements = torch.randn(3, 4), torch.ones(4), Movements()
    movements.note_step(Addition(term), x, x + term)
    movements.copy_before_a_write(storage_of(term))
    term.zero_()
    step = next(iter(movements._order)).step
    assert step.term.tolist() == [1.0] * 4


def test_the_oldest_movements_are_forgotten(monkeypatch):
    monkeypatch.setattr("clearhead.maps.recorder.eager.assembled._movements._CAPACITY", 2)
    movements, outs = Movements(), [torch.randn(2) for _ in range(3)]
    for out in outs:
        movements.note("clone", (torch.randn(2),), {}, out)
    assert [len(movements.before(storage_of(out), None)) for out in outs] == [0, 1, 1]


def test_a_piece_is_the_same_part_of_whatever_stands_for_its_memory():
    memory = torch.arange(12)
    part = memory.view(3, 4)[1:, ::2]
    assert torch.equal(Piece.of(part).view(memory * 10), part * 10)
