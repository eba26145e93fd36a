"""The map of some consecutive queries of an attention, against all its keys."""

from __future__ import annotations

from ..attention_map import AttentionMap
from ..scores.part_scoring import scoring_of_queries
from ..scores.positions import ALL


def some_queries(attention_map: AttentionMap, first: int, end: int) -> AttentionMap:
    """Return the map of queries first to end - 1, without copying anything.

    Raises:
        IndexError: there are no such queries.
    """
    count = attention_map.shape[2]
    if not 0 <= first < end <= count:
        raise IndexError(f"There are {count} queries, from 0; there are no {first} to {end}.")
    rows = slice(first, end)
    denominators = attention_map.known_denominators
    labels = attention_map.query_labels
    return AttentionMap(
        attention_map.query[:, :, rows],
        attention_map.key,
        scoring_of_queries(attention_map.scoring, first, end),
        value=attention_map.value,
        denominators=None if denominators is None else denominators.at(rows, ALL, ALL),
        source=attention_map.source,
        query_labels=None if labels is None else [row[rows] for row in labels],
        key_labels=attention_map.key_labels,
        query_offset=attention_map.query_offset + first,
    )
