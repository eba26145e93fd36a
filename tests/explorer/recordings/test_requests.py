"""The forms in which a recording is asked; what does not fit is refused in test_recordings."""

from __future__ import annotations

from clearhead.explorer.recordings.requests import TokenLists


def test_the_same_names_are_one_list():
    tokens = TokenLists()
    one = tokens.of(["a", "b"])
    assert one == [{"id": -1, "piece": name, "special": False} for name in "ab"]
    assert tokens.of(["a", "b"]) is one
    assert tokens.of(["b", "a"]) == one[::-1]
