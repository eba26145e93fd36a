"""Modifications of one score, called for many places at once."""

from __future__ import annotations

import torch

from clearhead.maps.scores.masks.flex_modifications import over_all_places

PLACES = torch.tensor([1, 0]), torch.tensor([2]), torch.tensor([0, 5, 3]), torch.tensor([4, 1])


def test_a_mask_is_asked_for_every_place():
    sees = over_all_places(lambda b, h, i, j: (i >= j) & (b < h), with_score=False)(*PLACES)
    assert sees.shape == (2, 1, 3, 2)
    expected = [
        [[bool(i >= j and b < h) for j in (4, 1)] for i in (0, 5, 3)] for b in (1, 0) for h in (2,)
    ]
    assert sees[:, 0].tolist() == expected


def test_a_score_is_that_of_its_place():
    scores = torch.arange(12.0).reshape(2, 1, 3, 2)
    modified = over_all_places(lambda s, b, h, i, j: s * 100 + i * 10 + j, with_score=True)
    actual = modified(scores, *PLACES)
    expected = scores * 100 + PLACES[2][:, None] * 10 + PLACES[3]
    assert torch.equal(actual, expected)


def test_a_modification_may_look_up_what_is_at_its_place():
    table = torch.randn(3, 6)
    of_head = over_all_places(lambda b, h, i, j: table[h, i], with_score=False)(*PLACES)
    assert torch.equal(of_head, table[2, PLACES[2]][:, None].expand(2, 1, 3, 2))
