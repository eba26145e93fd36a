"""The names of positions, as tokens."""

from __future__ import annotations

from clearhead.explorer.recordings.token_lists import TokenLists


def test_the_same_names_are_one_list():
    tokens = TokenLists()
    one = tokens.of(["a", "b"])
    assert one == [{"id": -1, "piece": name, "special": False} for name in "ab"]
    assert tokens.of(["a", "b"]) is one
    assert tokens.of(["b", "a"]) == one[::-1]
