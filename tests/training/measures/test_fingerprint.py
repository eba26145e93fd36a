"""Hashes of weights: another bit or another name is another hash."""

from __future__ import annotations

import torch

from clearhead.training.measures.fingerprint import hash_of, tensor_hashes


def test_one_bit_changes_one_hash() -> None:
    weights = {"a": torch.arange(4.0), "b": torch.zeros(2, 2).bfloat16()}
    before = tensor_hashes(weights)

    assert (
        before["a"] == "4c9c4f354e74153d"
    )  # sha256 of the floats 0, 1, 2, 3 in little-endian order
    weights["b"] = weights["b"].clone()
    weights["b"][1, 1] = 2**-20
    after = tensor_hashes(weights)
    assert before["a"] == after["a"]
    assert before["b"] != after["b"]
    assert hash_of(before) != hash_of(after)
    assert hash_of({"x": "1", "y": "2"}) == hash_of({"y": "2", "x": "1"})
    assert hash_of({"x": "1", "y": "2"}) != hash_of({"x": "2", "y": "1"})
