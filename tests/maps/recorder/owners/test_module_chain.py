"""Which modules are running, without what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from clearhead.maps.recorder.owners._model_modules import ModuleNames
from clearhead.maps.recorder.owners._module_chain import find_chain


class Nested(nn.Module):
    def __init__(self, inner=None):
        super().__init__()
        self.inner, self.weight = inner, nn.Linear(1, 1)

    def forward(self, ask: Callable[[], Any]):
        return ask() if self.inner is None else self.inner(ask)

    def method(self, ask):
        return ask()


def names_of(chain, names):
    return [names[module] for module in chain.modules]


def test_the_innermost_module_comes_first():
    model = Nested(Nested(Nested()))
    names = ModuleNames(model)
    chain = model(lambda: find_chain(names))
    assert names_of(chain, names) == ["inner.inner", "inner", ""]
    assert not chain.stranger
    assert find_chain(names).modules == ()


def test_a_method_and_a_function_that_is_handed_a_module_count_where_attention_is():
    model = Nested(Nested())
    names = ModuleNames(model)

    def function(module, ask):
        return ask()

    ask = lambda: find_chain(names)  # noqa: E731
    assert names_of(model.method(lambda: model.inner.method(ask)), names) == ["inner", ""]
    assert names_of(model.inner.method(ask), names) == ["inner"]
    assert names_of(function(model.inner, ask), names) == ["inner"]


def test_a_stranger_counts_within_the_innermost_module_only():
    model, other = Nested(Nested()), Nested()
    names = ModuleNames(model)
    ask = lambda: find_chain(names)  # noqa: E731
    within = model(lambda: other(ask))
    assert within.stranger
    assert names_of(within, names) == ["inner", ""]
    around = Nested(model)(ask)
    assert not around.stranger
    assert names_of(around, names) == ["inner", ""]


def test_no_more_modules_are_asked_than_attention_needs():
    model = Nested()
    for _ in range(20):
        model = Nested(model)
    names = ModuleNames(model)
    assert len(model(lambda: find_chain(names)).modules) == 6
