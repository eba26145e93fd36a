"""Sources of like length together, so that little is computed for padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Places of the sources of each batch, longest first, so that memory is known at once.

    Args:
        lengths: tokens of each source.
        tokens: the most that a batch may have, padding counted; a longer source stands alone.

    Returns:
        places in ``lengths``, each exactly once.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
