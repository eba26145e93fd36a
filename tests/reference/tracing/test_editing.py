"""Which models are edited in a thread."""

from __future__ import annotations

import threading

import pytest

from clearhead.errors import ConfigError
from clearhead.reference.tracing.editing import Editing, editing, is_edited, watcher_of
from clearhead.reference.tracing.editor import Editor
from clearhead.reference.tracing.trace import OFF, Trace

MODEL, OTHER = object(), object()


def block(**changes):
    return Editing(lambda one: one is MODEL, dict(changes))


def same(value, position):
    return value


def test_a_model_is_edited_within_the_block_and_in_its_thread():
    inside = block(weights=[same])
    seen_in_thread = []
    with editing(inside):
        assert not inside.ran
        assert isinstance(watcher_of(MODEL), Editor)
        assert inside.ran
        assert watcher_of(OTHER) is OFF
        assert is_edited(MODEL)
        assert not is_edited(OTHER)
        thread = threading.Thread(target=lambda: seen_in_thread.append(watcher_of(MODEL)))
        thread.start()
        thread.join()
    assert seen_in_thread == [OFF]
    assert watcher_of(MODEL) is OFF
    assert not is_edited(MODEL)


def test_without_changes_nothing_watches():
    trace = Trace()
    with editing(block()):
        assert watcher_of(MODEL, trace) is trace
        assert not is_edited(MODEL)


def test_a_pass_within_a_pass_is_edited_once():
    with editing(block(weights=[same])):
        editor = watcher_of(MODEL)
        assert watcher_of(MODEL, editor) is editor


def test_several_positions_behind_a_cache_are_refused():
    with editing(block(weights=[same])):
        watcher_of(MODEL, start=0, length=4)
        watcher_of(MODEL, start=4, length=1)
        with pytest.raises(ConfigError, match=r"one token at a time; 2 came"):
            watcher_of(MODEL, start=4, length=2)
