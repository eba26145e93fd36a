"""The public surface is this list: a name that comes or goes is a decision, not an accident."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

import clearhead

PUBLIC_NAMES = [
    "AttentionMap",
    "CheckpointError",
    "ClearheadError",
    "ConfigError",
    "CorpusError",
    "MissingExtraError",
    "Model",
    "Receiver",
    "Recording",
    "ShapeError",
    "Sweep",
    "Target",
    "TextError",
    "Trace",
    "TraceError",
    "TrainingError",
    "TransformerConfig",
    "Translation",
    "Translator",
    "__version__",
    "attribute_edges",
    "attribute_heads",
    "attribute_inputs",
    "attribute_logit",
    "attribute_nodes",
    "batch",
    "copying_scores",
    "explore",
    "intervene",
    "load",
    "load_recording",
    "logit_lens",
    "maps",
    "nn",
    "record",
    "reference",
    "sweep",
    "trace",
    "translate",
]


def test_the_public_names_are_these():
    assert sorted(clearhead.__all__) == PUBLIC_NAMES
    assert dir(clearhead) == PUBLIC_NAMES


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_every_public_name_loads(name):
    value = getattr(clearhead, name)
    home = clearhead._HOMES.get(name)
    if home == f"clearhead.{name}":
        assert value is importlib.import_module(home)
    elif home is not None:
        assert value is getattr(importlib.import_module(home), name)
        assert value.__module__ == home


@pytest.mark.parametrize("name", ["nn", "record", "AttentionMap"])
def test_what_needs_pytorch_says_how_to_get_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delattr(clearhead, name, raising=False)
    with pytest.raises(clearhead.MissingExtraError) as error:
        getattr(clearhead, name)
    assert str(error.value) == (
        f"clearhead.{name} needs the package 'torch', which is not installed. "
        f'Install it with: pip install "clearhead[torch]"'
    )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'clearhead' has no attribute 'Transfromer'"):
        clearhead.Transfromer  # noqa: B018


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(clearhead.__file__).read_text("utf-8"))
    guarded = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.If)
        for inner in node.body
        if isinstance(inner, ast.ImportFrom)
        for alias in inner.names
    ]
    assert sorted([*guarded, "__version__"]) == PUBLIC_NAMES


@pytest.mark.parametrize("room", ["reference", "engine", "nn", "text", "translation", "training"])
def test_the_names_a_room_offers_exist(room):
    module = importlib.import_module(f"clearhead.{room}")
    for name in getattr(module, "__all__", []):
        assert hasattr(module, name), f"clearhead.{room}.__all__ names {name}, which is not there"
