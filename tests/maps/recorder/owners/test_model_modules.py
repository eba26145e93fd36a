"""Which modules are a model's, and which are strangers to it."""

from __future__ import annotations

import copy

import torch
from torch import nn

from clearhead.maps.recorder.owners._model_modules import ModuleNames, forward_names, is_stranger


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.softmax = nn.Softmax(-1)

    def forward(self, x, *others, mask=None):
        return self.softmax(self.layer(x))


def test_a_models_own_modules_are_no_strangers():
    model = Model()
    names = ModuleNames(model)
    assert list(names.values()) == ["", "layer", "softmax"]
    assert not any(names.is_stranger(module) for module in model.modules())


def test_a_stranger_computes_with_parameters_of_its_own():
    model = Model()
    names = ModuleNames(model)
    other = Model()
    assert names.is_stranger(other)
    assert names.is_stranger(other.layer)
    assert names.is_stranger(other.layer)  # asked again
    assert not names.is_stranger(other.softmax)
    assert not names.is_stranger(nn.Dropout(0.1))


def test_what_shares_its_parameters_is_no_stranger():
    model = Model()
    names = ModuleNames(model)
    tied = nn.Linear(2, 2)
    tied.weight = nn.Parameter(model.layer.weight.detach())
    tied.bias = None
    assert not names.is_stranger(copy.copy(model.layer))
    assert not names.is_stranger(nn.Sequential(model.layer, nn.ReLU()))
    assert not names.is_stranger(tied)
    assert names.is_stranger(nn.Sequential(model.layer, nn.Linear(2, 2)))


def test_a_module_that_is_registered_later_has_its_name():
    model = Model()
    names = ModuleNames(model)
    model.late = nn.Linear(2, 2)
    assert not names.is_stranger(model.late)
    assert names[id(model.late)] == "late"


def test_a_module_that_was_taken_out_keeps_its_id():
    model = Model()
    names = ModuleNames(model)
    before = id(model.layer)
    model.layer = nn.Linear(2, 2)
    assert all(id(nn.Linear(2, 2)) != before for _ in range(50))
    assert names[before] == "layer"


def test_bare_names_tell_less():
    model = Model()
    names = {id(module): name for name, module in model.named_modules()}
    assert is_stranger(nn.Linear(2, 2), names)
    assert not is_stranger(nn.Softmax(-1), names)
    assert not is_stranger(model.layer, names)


def test_names_of_what_forward_takes_by_position():
    assert forward_names(Model()) == ("x",)
    graph_module = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
    assert forward_names(graph_module) == ("input",)
