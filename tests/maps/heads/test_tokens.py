"""Ids and padding reach the attention of their text."""

from __future__ import annotations

import torch

from clearhead.maps import AttentionMap
from clearhead.maps.heads.tokens import key_ids, text_of_queries


def test_behind_a_cache_the_mask_is_that_of_the_last_keys() -> None:
    one = AttentionMap.of(torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 5, 4))
    one.query_offset = 3
    mask = torch.tensor([[0, 1, 1, 1, 0]])
    text = text_of_queries(one, "h", {"h*": mask}, cross=False, several_texts=True)
    assert text.tolist() == [[True, False]]
    assert text_of_queries(one, "g", {"h*": mask}, cross=False, several_texts=True) is None
    across = text_of_queries(one, "h", mask[:, 3:], cross=True, several_texts=False)
    assert across.tolist() == [[True, False]]


def test_the_same_label_is_the_same_number_in_each_row() -> None:
    x = torch.zeros(2, 1, 3, 4)
    one = AttentionMap.of(x, x, key_labels=[["a", "b", "a"], ["b", "b", "c"]])
    assert key_ids(one, "h", None, several_texts=True).tolist() == [[0, 1, 0], [1, 1, 2]]
    assert key_ids(one, "h", {"g": x}, several_texts=True) is None
