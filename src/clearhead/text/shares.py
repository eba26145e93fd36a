"""Chance that depends on a text alone, not on where it stands or what was read before it."""

from __future__ import annotations

import hashlib


def position_of(*texts: str) -> float:
    """Return a number in [0, 1) that follows from these texts, evenly spread over all texts.

    A pair belongs to a share of a corpus if the position of its texts is below that share. Another
    first text, such as a seed or what is decided, gives an independent number.
    """
    # 53 bits: all of them fit into a float, which 64 would round, at the end to 1.
    return (number_of(*texts) >> 11) / 2**53


def number_of(*texts: str) -> int:
    """Return a number of 64 bits that follows from these texts."""
    content = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
