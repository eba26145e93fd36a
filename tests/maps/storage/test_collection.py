"""Recordings and dictionaries of maps, read in the same way."""

from __future__ import annotations

from clearhead.maps.storage.collection import calls_of, names_in


class Recorded(dict):
    """A recording as far as it is read here: each name has several calls."""

    def calls(self, name):
        return iter(self[name])


def test_a_dictionary_has_one_map_of_a_name_and_a_recording_one_for_each_call():
    assert calls_of({"a": 1, "b": 2}, "b") == [2]
    assert calls_of(Recorded(a=(1, 2)), "a") == [1, 2]


def test_names_for_an_error():
    assert names_in({"encoder.0": 1, "encoder.1": 2}) == "encoder.0, encoder.1"
    assert names_in({}) == "none"
