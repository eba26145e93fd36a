"""The call stack tells drafting from checking, by transformers' own functions alone."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from clearhead.maps.recorder.owners import is_draft, is_drafting

WITHIN = "transformers.generation.utils"


@pytest.fixture(autouse=True)
def _loaded(monkeypatch):
    """The package counts as loaded, whether or not another test has imported it."""
    monkeypatch.setitem(sys.modules, "transformers.generation", ModuleType("generation"))


def function(name: str, module: str):
    """A function of a module, by its name, that calls another one."""
    names = {"__name__": module}
    exec(f"def {name}(inner):\n    return inner()", names)
    return names[name]


def test_the_loop_that_checks():
    loop = function("_assisted_decoding", WITHIN)
    assert loop(is_drafting)
    assert not loop(is_draft)
    assert loop(lambda: function("forward", "somewhere")(is_drafting))


def test_candidates_of_the_model_itself():
    draft = function("get_candidates", "transformers.generation.candidate_generator")
    assert draft(is_draft)
    assert not draft(is_drafting)


def test_functions_of_others():
    assert not is_drafting()
    assert not function("_assisted_decoding", "mine")(is_drafting)
    assert not function("get_candidates", "mine.transformers.generation")(is_draft)


def test_what_is_not_loaded_does_not_run(monkeypatch):
    monkeypatch.delitem(sys.modules, "transformers.generation")
    assert not function("_assisted_decoding", WITHIN)(is_drafting)
