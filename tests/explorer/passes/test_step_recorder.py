"""A recorder changes steps, outlines every one, and keeps some."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import TraceError
from clearhead.explorer.passes.step_recorder import StepRecorder
from clearhead.reference.tracing.record import Record
from clearhead.reference.tracing.step_kind import StepKind

KIND = StepKind("masked", "some rows", axes=("batch", "rows", "keys"))


def recorder(beginning=None, **changes):
    parts = {"steps": {}, "outline": {}, "empty_rows": set()}
    made = StepRecorder(
        {path.replace("_", "."): (change,) for path, change in changes.items()},
        Record(None, {}),
        parts["steps"],
        parts["outline"],
        parts["empty_rows"],
        beginning,
    )
    return made, parts


def test_a_step_is_outlined_and_what_is_kept_has_numbers():
    made, parts = recorder("here.")
    value = np.arange(6.0).reshape(1, 2, 3)
    for scope in ("here", "there"):
        assert made.at(scope).record(KIND, value) is value
    assert list(parts["outline"]) == ["here.masked", "there.masked"]
    assert list(parts["steps"]) == ["here.masked"]
    outline = parts["outline"]["there.masked"]
    assert (outline.shape, outline.axes, outline.value.strides) == ((1, 2, 3), KIND.axes, (0, 0, 0))
    value[:] = 0
    assert parts["steps"]["here.masked"].value.sum() == 15


def test_a_change_is_made_and_said():
    made, parts = recorder("a.", a_masked=lambda value, position: value * 2)
    result = made.at("a").record(KIND, np.ones((1, 1, 2)))
    assert result.tolist() == [[[2, 2]]]
    assert parts["outline"]["a.masked"].replaced is True
    assert made.at("a").asks("masked")
    assert not made.at("b").asks("masked")


def test_rows_that_attend_to_nothing_are_noticed():
    made, parts = recorder()
    made.at("full").record(KIND, np.zeros((1, 2, 2)))
    made.at("empty").record(KIND, np.array([[[0.0, 1.0], [-np.inf, -np.inf]]]))
    assert parts["empty_rows"] == {"empty"}


def test_sources_are_found_in_the_scopes_around():
    made, parts = recorder()
    made.at("a").record(KIND, np.zeros((1, 1, 1)))
    made.at("a.b").record(StepKind("next", ""), np.zeros(1), of=("masked",))
    assert parts["outline"]["a.b.next"].of == ("a.masked",)
    assert made.at("a").visited("masked")
    with pytest.raises(TraceError, match="there is no such step before it"):
        made.at("c").record(StepKind("next", ""), np.zeros(1), of=("masked",))
