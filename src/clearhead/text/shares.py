"""Random numbers that depend on a text only, not on its place or on other texts."""

from __future__ import annotations

import hashlib


def position_of(*texts: str) -> float:
    """Return a number in [0, 1) determined by these texts, and uniform over all texts.

    A pair belongs to a share of a corpus if the position of its texts is below that share. Another
    first text, such as a seed or the name of a decision, gives an independent number.
    """
    # 53 bits, which a float holds exactly; 64 bits would be rounded, possibly to 1.
    return (number_of(*texts) >> 11) / 2**53


def number_of(*texts: str) -> int:
    """Return a 64-bit number determined by these texts."""
    content = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
