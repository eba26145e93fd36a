"""The words of edits."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.interventions import changes
from clearhead.interventions.handles import ModulePart


class Register:
    def __init__(self) -> None:
        self.edits = []
        self.verbs = changes

    def add(self, choice, edit) -> None:
        self.edits.append(edit)


def test_an_edit_knows_what_it_was_asked_for():
    register = Register()
    part = ModulePart(register, "layers.0")
    part.zero()
    part.output.at(3).scale(0.5)
    part.head(2).value.at(slice(4, 6)).set(torch.zeros(2, 8))
    part.at(1).scale(torch.tensor(2.0))
    part.head(3).output.zero()
    part.query.apply(torch.exp)
    part.edge([1, 3], None).remove()
    part.head([4, 1]).edge(2, slice(3)).zero()
    assert [edit.words for edit in register.edits] == [
        "edits['layers.0'].zero()",
        "edits['layers.0'].output.at(3).scale(0.5)",
        "edits['layers.0'].head(2).value.at(4:6).set(tensor of the shape [2, 8])",
        "edits['layers.0'].at(1).scale(2)",
        "edits['layers.0'].head(3).zero()",
        "edits['layers.0'].query.apply(exp)",
        "edits['layers.0'].edge(1, 3; all).remove()",
        "edits['layers.0'].head([1, 4]).edge(2; 0:3).zero()",
    ]
    heads = [None, None, (2,), None, (3,), None, None, (1, 4)]
    assert [edit.heads for edit in register.edits] == heads
    parts = ["heads", "output", "value", "heads", "heads", "query"]
    assert [edit.part for edit in register.edits[:6]] == parts


def test_positions_come_last():
    part = ModulePart(Register(), "layers.0").at(3)
    for word in ("head", "query", "edge", "output"):
        assert not hasattr(part, word)  # it would be of other positions, or of none


def test_heads_are_numbers():
    part = ModulePart(Register(), "layers.0")
    with pytest.raises(ConfigError, match=r"numbers from 0, at least one; got \[-1\]"):
        part.head(-1)
    with pytest.raises(ConfigError, match=r"at least one; got \[\]"):
        part.head([])
