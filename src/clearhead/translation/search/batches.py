"""Sources of like length together, so that little is computed for padding, on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ...engine.protocols import Engine
from .hypothesis import Hypothesis
from .search import SpecialTokens, search
from .settings import SearchSettings


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


def search_batches(
    engine: Engine,
    sources: Sequence[Sequence[int]],
    settings: SearchSettings,
    *,
    batch_tokens: int,
    threads: int = 1,
    special: SpecialTokens | None = None,
    prefixes: Sequence[Sequence[int]] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[list[Hypothesis]]:
    """`search` for any number of sources, batch by batch.

    Args:
        engine: what is asked for log-probabilities.
        sources: token ids, end token included.
        settings: what is looked for.
        batch_tokens: source tokens of a batch, padding counted.
        threads: so many batches at once. Each spends most of its time in NumPy, which lets the
            others go on meanwhile; keep the BLAS library to one thread (OPENBLAS_NUM_THREADS=1),
            or they compete. Fewer sources than fill the batches are shared out evenly.
        special, prefixes: as `search` takes them.
        on_progress: called with the number of sources done so far.

    Returns:
        for each source its hypotheses, best first, in the order of the sources.
    """
    lengths = [len(source) for source in sources]
    share = -(-sum(lengths) // max(1, threads))
    chosen = list(batches(lengths, min(batch_tokens, max(share, 1))))

    def run(batch: list[int]) -> list[list[Hypothesis]]:
        forced = None if prefixes is None else [prefixes[place] for place in batch]
        some = [sources[place] for place in batch]
        return search(engine, some, settings, special=special, prefixes=forced)

    results: list[list[Hypothesis]] = [[] for _ in sources]
    done = 0
    with ThreadPoolExecutor(max_workers=threads) as pool:
        # One thread needs no pool; with a pool, map gives the results in order as they come.
        found = pool.map(run, chosen) if threads > 1 and len(chosen) > 1 else map(run, chosen)
        for batch, best in zip(chosen, found, strict=True):
            for place, hypotheses in zip(batch, best, strict=True):
                results[place] = hypotheses
            done += len(batch)
            if on_progress:
                on_progress(done)
    return results
