"""The kinds of attention heads: shares of the weight, how evenly it is spread, and the rule.

This is the only definition, for the page's map, for tables of recordings and for the command line.
Query i of self-attention is at key i (with a cache, at key i + offset). Each measure is a mean over
queries:

previous   weights[i, i - 1]     next   weights[i, i + 1]     same   weights[i, i]
first      weights[i, 0]         last   weights[i, keys - 1]
local      the sum of weights[i, j] over the keys j at most LOCAL tokens from i
duplicate  the sum over the keys j < i whose token is the query's own, ids[j] = ids[i]
induction  the sum over the keys j < i that follow such a token, ids[j - 1] = ids[i]
even       -sum_j w ln w, over ln of how many keys the query may attend to

The first and the last key are those that any query may attend to, so padding does not count.
``first`` and ``last`` leave out the queries whose own key, or a neighbour of it, is the first or
the last. Cross-attention has ``first`` and ``last`` over all queries, ``even``, and

aligned    sum over keys of max over queries of weights[query, key], over min(queries, keys)

It is 1 if each query attends to a key of its own, and 1 / min(queries, keys) if all queries attend
alike: a key counts once, however many queries attend to it. This measure and its bound are ours: an
alignment by attention (Bahdanau et al. 2015, arXiv 1409.0473) need not be monotonic.

Only queries that may attend to more than one key count, because the others have no choice (except
for ``aligned``); padding does not count. For ``local``, ``duplicate`` and ``induction`` a query
counts only if at least one of its keys, and at most one in SCARCE of them, is such a place:
otherwise even weights would look like a habit. ``aligned`` counts keys that any query may attend
to.

The kind of a head is that of its largest share, if that is at least half of its weight: Clark et
al. 2019 (arXiv 1906.04341, section 3.1) name heads in this way that put more than half of their
attention on the previous or the next token. Voita et al. 2019 (arXiv 1905.09418, section 4) count
instead the queries for which such a key has the largest weight, and require nine in ten.
``induction`` is the prefix matching of Olsson et al. 2022 (arXiv 2209.11895), on any text instead
of random tokens repeated; ``duplicate`` the duplicate token head of Wang et al. 2022 (arXiv
2211.00593). A head that is of none of these is local if ``local`` is a half or more, as most of
what lies near is also the previous, the same or the next token; or else broad if ``even`` is 0.8 or
more (Voita et al. call heads of high entropy broad and give no such bound; 0.8 is ours: of 10 keys,
as even as if 6 had the same weight); or else mixed. LOCAL and SCARCE are ours, too.

What a head does with what it reads is another question, which its weights answer: copying
(`CopyingScores`) is not a kind but a score that a head of any kind has.
"""

from ._copying import COPYING, CopyingScores, copying_of, token_product
from ._kinds import EVEN, KINDS, SHARE, ScoredHead, kind_of, scored_heads
from ._sums import (
    LEAST_QUERIES,
    LOCAL,
    MEASURES,
    SCARCE,
    SHARES,
    HeadSums,
    HeadWeights,
    PlaceWeights,
)

__all__ = [
    "COPYING",
    "EVEN",
    "KINDS",
    "LEAST_QUERIES",
    "LOCAL",
    "MEASURES",
    "SCARCE",
    "SHARE",
    "SHARES",
    "CopyingScores",
    "HeadSums",
    "HeadWeights",
    "PlaceWeights",
    "ScoredHead",
    "copying_of",
    "kind_of",
    "scored_heads",
    "token_product",
]
