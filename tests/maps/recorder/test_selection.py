"""Which modules are recorded: by name, by pattern, by number."""

from __future__ import annotations

import pytest
from torch import nn

from clearhead.errors import ConfigError
from clearhead.maps.recorder.selection import Selection
from tests.maps.attending import recorded
from tests.maps.recorder.layers import Model, X


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("layers.1", ["layers.1"]),
        ("*.[02]", ["layers.0", "layers.2"]),
        (2, ["layers.2"]),
        ([0, "layers.1"], ["layers.0", "layers.1"]),
        ("layers", ["layers.0", "layers.1", "layers.2"]),
    ],
)
def test_layers_are_chosen_by_name_pattern_or_number(layers, expected):
    model = Model()
    assert recorded(model, lambda: model(X), layers=layers).keys() == expected


def test_layers_that_do_not_exist_are_an_error():
    model = Model()
    with pytest.raises(ConfigError, match=r"layers='layer.0' fits no module of Model"):
        recorded(model, lambda: model(X), layers="layer.0")
    with pytest.raises(ConfigError, match="none can be counted from the end"):
        recorded(model, lambda: model(X), layers=-1)
    with pytest.raises(ConfigError, match=r"watches a torch.nn.Module; got str"):
        recorded("model", lambda: None)


NESTED = nn.ModuleDict(
    {"encoder": nn.ModuleList([nn.Identity(), nn.Identity()]), "encoder2": nn.Identity()}
)


@pytest.mark.parametrize(
    ("layers", "included"),
    [
        (None, ["encoder.0", "encoder.1", "encoder2"]),
        ("encoder", ["encoder.0", "encoder.1"]),  # and not what begins alike
        ("encoder*", ["encoder.0", "encoder.1", "encoder2"]),
        ("*.1", ["encoder.1"]),
        (1, ["encoder.1"]),
        ([2, "encoder.0"], ["encoder.0", "encoder2"]),
        ([], []),
    ],
)
def test_names_patterns_and_numbers(layers, included):
    selection = Selection(NESTED, layers)
    names = ["encoder.0", "encoder.1", "encoder2"]
    assert [name for name in names if selection.includes(name)] == included


def test_numbers_count_modules_in_the_order_of_first_calls():
    selection = Selection(NESTED, [0, 2])
    calls = ["c", "b", "c", "a", "b", "a", "d"]
    included = [name for name in calls if selection.includes(name)]
    assert included == ["c", "c", "a", "a"]
