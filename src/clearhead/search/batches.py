"""Batches of sources of similar length, to save padding, on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..engine.protocols import Engine
from .hypothesis import Hypothesis
from .search import search
from .settings import SearchSettings
from .special_tokens import SpecialTokens


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yield the indices of the sources of each batch, grouped by similar length.

    The longest come first, so that the first batch needs the most memory.

    Args:
        lengths: tokens of each source.
        tokens: the most tokens of a batch, including padding; a longer source is a batch of its
            own.

    Yields:
        indices into ``lengths``; each is in exactly one batch.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _places_of_batches(
    sources: Sequence[Sequence[int]], most: int, threads: int
) -> list[list[int]]:
    """Return batches of at most so many tokens, so small that every thread has one to work on."""
    lengths = [len(source) for source in sources]
    share = -(-sum(lengths) // max(1, threads))
    return list(batches(lengths, min(most, max(share, 1))))


def search_batches(
    engine: Engine,
    sources: Sequence[Sequence[int]],
    settings: SearchSettings,
    *,
    batch_tokens: int,
    threads: int = 1,
    special: SpecialTokens | None = None,
    prefixes: Sequence[Sequence[int]] | None = None,
    spares: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> list[list[Hypothesis]]:
    """Search for the targets of any number of sources, batch by batch; see `search`.

    Args:
        engine: the model.
        sources: token ids, end token included.
        settings: of the search.
        batch_tokens: source tokens of a batch, padding counted.
        threads: the number of batches at once. Each spends most of its time in NumPy, which
            releases the interpreter lock; keep the BLAS library to one thread
            (OPENBLAS_NUM_THREADS=1), or they compete. Sources that are too few to fill the batches
            are divided evenly.
        special, prefixes, spares: as `search` takes them.
        on_progress: called with the number of finished sources.

    Returns:
        for each source its hypotheses, best first, in the order of the sources.
    """
    places_of_batches = _places_of_batches(sources, batch_tokens, threads)

    def run(places: list[int]) -> list[list[Hypothesis]]:
        return search(
            engine,
            [sources[place] for place in places],
            settings,
            special=special,
            prefixes=None if prefixes is None else [prefixes[place] for place in places],
            spares=spares,
        )

    results: dict[int, list[Hypothesis]] = {}
    with ThreadPoolExecutor(max_workers=threads) as pool:
        # One thread needs no pool; with a pool, map gives the results in order as they come.
        run_all = pool.map if threads > 1 and len(places_of_batches) > 1 else map
        results_of_batches = run_all(run, places_of_batches)
        for places, batch_results in zip(places_of_batches, results_of_batches, strict=True):
            results.update(zip(places, batch_results, strict=True))
            if on_progress:
                on_progress(len(results))
    return [results[place] for place in range(len(sources))]
