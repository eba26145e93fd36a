"""One family of errors, each also the built-in error that strangers catch."""

from __future__ import annotations

import inspect
import re
import sys
import types

import pytest

from clearhead import errors
from clearhead.errors import ClearheadError, MissingExtraError, require

BUILT_IN = {
    "ConfigError": ValueError,
    "ShapeError": ValueError,
    "MissingExtraError": ImportError,
    "CorpusError": ValueError,
    "CheckpointError": ValueError,
    "TrainingError": RuntimeError,
    "TextError": ValueError,
    "TraceError": LookupError,
}


def test_the_tree_drawn_in_the_docstring_is_the_tree():
    drawing = dict(re.findall(r"[├└]── (\w+)\s+\((\w+)\)", errors.__doc__))
    defined = {
        name: value
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, ClearheadError) and value is not ClearheadError
    }
    assert drawing == {name: BUILT_IN[name].__name__ for name in defined}
    assert set(defined) == set(BUILT_IN)
    for name, error in defined.items():
        assert issubclass(error, BUILT_IN[name])


def test_a_missing_extra_says_what_to_install():
    with pytest.raises(MissingExtraError) as error_info:
        require("no_such_package_anywhere.part", extra="plots", purpose="Drawing a picture")
    assert str(error_info.value) == (
        "Drawing a picture needs the package 'no_such_package_anywhere', which is not installed. "
        'Install it with: pip install "clearhead[plots]"'
    )
    assert isinstance(error_info.value.__cause__, ModuleNotFoundError)


def test_a_package_that_is_there_but_broken_keeps_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_for_a_test.py").write_text("import what_it_needs_is_missing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="what_it_needs_is_missing") as error_info:
        require("broken_for_a_test", extra="plots", purpose="Drawing")
    assert not isinstance(error_info.value, ClearheadError)


def test_an_installed_package_is_returned(monkeypatch):
    present = types.ModuleType("present_for_a_test")
    monkeypatch.setitem(sys.modules, "present_for_a_test", present)
    assert require("present_for_a_test", extra="plots", purpose="Drawing") is present
