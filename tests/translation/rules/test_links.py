from __future__ import annotations

import numpy as np

from clearhead.translation.rules.links import link_words


def test_words_follow_the_weights_of_their_tokens():
    # red | ca r  ->  voi ture | rouge
    weights = np.array([[0.1, 0.5, 0.4], [0.2, 0.3, 0.5], [0.9, 0.0, 0.1]])
    links = link_words("red car", "voiture rouge", weights, [3, 6, 7], [3, 7, 13])
    assert links.source == ((0, 3), (4, 7))
    assert links.target == ((0, 7), (8, 13))
    assert links.source_words == (1, 0)
    assert links.targets_of(0, 3) == [1]
    assert links.targets_of(4, 7) == [0]
    assert links.targets_of(3, 4) == []


def test_without_weights_words_are_linked_by_place():
    assert link_words("a b c", "x y z", None).source_words == (0, 1, 2)
    assert link_words("a b c", "x", None).source_words == (0,)
    assert link_words("", "x y", None).source_words == ()
    assert link_words("a", "", None).source_words == ()
