"""Every family of the three rooms is listed, and an unknown model type says which there are."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from clearhead.errors import CheckpointError
from clearhead.pretrained import decoders, encoder_decoders, encoders, families
from clearhead.pretrained.family import Family
from tests.pretrained import small_family


def test_each_module_of_the_rooms_holds_one_family():
    names = [
        f"{room.__name__}.{module.name}"
        for room in (encoder_decoders, decoders, encoders)
        for module in pkgutil.iter_modules(room.__path__)
        if not module.name.startswith("_")
    ]
    there = families.families()
    assert len(there) == len(names)
    for name in names:
        module = importlib.import_module(name)
        values = {value for value in vars(module).values() if isinstance(value, Family)}
        assert getattr(module, name.rpartition(".")[2].upper()) in values & set(there)


def test_no_model_type_is_of_two_families():
    types = [model_type for family in families.families() for model_type in family.model_types]
    assert len(types) == len(set(types))


def test_a_model_type_gives_its_family(monkeypatch):
    small_family.use(monkeypatch)
    assert families.family_of("small") is small_family.SMALL


def test_an_unknown_model_type_lists_the_families(monkeypatch):
    small_family.use(monkeypatch)
    with pytest.raises(CheckpointError, match=r"'big' are not read here.*: Small \(small\)\.$"):
        families.family_of("big")
    with pytest.raises(CheckpointError, match="'big' come with Python code of their own"):
        families.family_of("big", own_code=True)
    assert families.family_of("small", own_code=True) is small_family.SMALL
