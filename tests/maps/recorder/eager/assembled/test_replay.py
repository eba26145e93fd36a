from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from clearhead.maps.recorder.eager._nodes import Addition, Cap, Fill, Layout, Scaling, storage_of
from clearhead.maps.recorder.eager.assembled._movements import Movements
from clearhead.maps.recorder.eager.assembled._replay import CONSTANT, Elements, Replay, stepped
from clearhead.maps.recording.captured import Unreadable


def replay_of(movements, x):
    """Elements of x are numbered; all others are constants."""

    def leaf(piece, moved):
        if piece.storage != storage_of(x):
            return None
        return Elements(torch.arange(piece.size), None, {0: 1.0})

    return Replay(movements, leaf)


def moved(name, *args):
    """Run an operator and note it; return its result and the movements."""
    movements = Movements()
    result = getattr(torch.ops.aten, name)(*args)
    movements.note(name, args, {}, result)
    return result, movements


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("clone", ()),
        ("constant_pad_nd", ([1, 0, 0, 2], 7.0)),
        ("index", ([None, torch.tensor([3, 0, 0])],)),
        ("index_select", (1, torch.tensor([2, 1]))),
        ("gather", (1, torch.tensor([[0, 1], [3, 3], [2, 2]]))),
        ("flip", ([0],)),
    ],
)
def test_elements_go_where_an_operator_moved_the_numbers(name, args):
    x = torch.arange(12.0).view(3, 4)
    out, movements = moved(name, x, *args)
    origin = replay_of(movements, x).origin(out)
    assert torch.equal(torch.where(origin == CONSTANT, 7, origin), out.long())


@pytest.mark.parametrize("name", ["cat", "stack"])
def test_elements_of_several_tensors(name):
    x, other = torch.arange(12.0).view(3, 4), torch.full((3, 4), -1.0)
    out, movements = moved(name, [other, x], 1)
    assert torch.equal(replay_of(movements, x).origin(out), out.long())


def test_writes_into_parts_of_a_buffer():
    x, buffer, movements = torch.arange(12.0).view(3, 4), torch.full((4, 5), -1.0), Movements()
    part = buffer[1:, :4]
    part.copy_(x)
    movements.note("copy", (part, x), {}, part)
    rows = torch.tensor([0, 3])
    value = x[:2, :1].expand(2, 5)
    buffer.index_put_((rows,), value)
    movements.note("index_put", (buffer, [rows], value), {}, buffer)
    replay = replay_of(movements, x)
    assert torch.equal(replay.origin(buffer), buffer.long())
    before = replay.of(buffer, before_last=True).origin.view(4, 5)
    assert torch.equal(before[1:, :4], x.long())
    assert (before[0] == CONSTANT).all()


def test_what_was_written_later_does_not_count_for_an_earlier_copy():
    x, movements = torch.arange(4.0), Movements()
    buffer = x.clone()
    movements.note("clone", (x,), {}, buffer)
    copy = buffer.clone()
    movements.note("clone", (buffer,), {}, copy)
    buffer.copy_(torch.full((4,), -1.0))
    movements.note("copy", (buffer, torch.full((4,), -1.0)), {}, buffer)
    replay = replay_of(movements, x)
    assert replay.origin(copy).tolist() == [0, 1, 2, 3]
    assert replay.origin(buffer).tolist() == [CONSTANT] * 4


def test_steps_are_taken_together_with_movements():
    x, movements = torch.arange(4.0), Movements()
    scaled, term = x * 3, torch.tensor([1.0, 2.0, 0.0, 0.0])
    movements.note_step(Scaling(3.0), x, scaled)
    summed = scaled + term
    movements.note_step(Addition(term), scaled, summed)
    padded = F.pad(summed, (0, 1))
    movements.note("constant_pad_nd", (summed, [0, 1]), {}, padded)
    elements = replay_of(movements, x).of(padded)
    assert elements.origin.tolist() == [0, 1, 2, 3, CONSTANT]
    assert elements.term.tolist() == [1, 2, 0, 0, 0]
    assert elements.factors == {0: 3.0}


def test_parts_that_were_scaled_differently_are_refused():
    x, movements = torch.arange(4.0), Movements()
    scaled = x * 3
    movements.note_step(Scaling(3.0), x, scaled)
    out = torch.cat([x, scaled])
    movements.note("cat", ([x, scaled], 0), {}, out)
    with pytest.raises(Unreadable, match="scaled by different numbers"):
        replay_of(movements, x).of(out)


def test_filled_elements_are_constants():
    x = torch.arange(4.0)
    elements = Elements(torch.arange(4), None, {})
    layout = Layout.of(x)
    where = torch.tensor([True, False, False, True])
    assert stepped(elements, layout, Fill(where, 0.0)).origin.tolist() == [-1, 1, 2, -1]
    kept = stepped(elements, layout, Fill(where, 0.0, inverted=True)).origin
    assert kept.tolist() == [0, -1, -1, 3]
    with pytest.raises(Unreadable, match="went through a Cap"):
        stepped(elements, layout, Cap())
