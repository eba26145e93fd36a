"""Edits of edges become groups, each query of each head in at most one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.interventions.attention.edge_plan import edge_groups
from clearhead.interventions.edits import EdgeEdit, Texts
from clearhead.interventions.offsets import Offsets
from clearhead.interventions.positions import Positions

HEADS, QUERIES, KEYS = 3, 4, 5
CPU = torch.device("cpu")
places = st.none() | st.lists(st.integers(0, 9), min_size=1, max_size=4)
edits = st.tuples(
    st.none() | st.sets(st.integers(0, HEADS - 1), min_size=1), places, places, st.booleans()
)


@settings(max_examples=60)
@given(st.lists(edits, max_size=4), st.integers(0, 4), st.integers(0, 4))
def test_groups_are_the_union_of_the_edits(asked, first_query, first_key):
    expected = torch.zeros(2, HEADS, QUERIES, KEYS, dtype=torch.bool)
    plan = []
    for heads, queries, keys, renormalise in asked:
        plan.append(
            EdgeEdit(
                "words",
                None if heads is None else tuple(sorted(heads)),
                Positions.of(queries),
                Positions.of(keys),
                renormalise,
            )
        )
        for h in heads if heads is not None else range(HEADS):
            for i in range(QUERIES):
                for j in range(KEYS):
                    if (queries is None or i + first_query in queries) and (
                        keys is None or j + first_key in keys
                    ):
                        expected[int(renormalise), h, i, j] = True
    groups = edge_groups(
        plan, (1, HEADS, QUERIES, KEYS), Offsets(first_query, first_key), "attention", CPU
    )
    result = torch.zeros_like(expected)
    members = torch.zeros(HEADS, QUERIES, dtype=torch.int64)
    for group in groups:
        heads = torch.arange(HEADS) if group.heads is None else group.heads
        rows = torch.arange(QUERIES) if group.rows is None else group.rows
        members[heads[:, None], rows] += 1
        for kind, keys in enumerate((group.zeroed, group.removed)):
            if keys is not None:
                result[kind, heads[:, None], rows] |= keys
    assert torch.equal(result, expected)
    assert int(members.max()) <= 1
    assert [edit.applied for edit in plan] == [
        bool(
            edge_groups([edit], (1, HEADS, QUERIES, KEYS), Offsets(first_query, first_key), "", CPU)
        )
        for edit in plan
    ]


def test_edges_need_to_know_where_queries_stand():
    edit = EdgeEdit("my edit", None, Positions.of(1), Positions())
    with pytest.raises(ConfigError, match=r"my edit: nobody knows. Edges can then only"):
        edge_groups([edit], (1, HEADS, QUERIES, KEYS), Offsets(None, 0, "nobody knows"), "", CPU)


def test_each_text_has_its_own_keys():
    plan = [
        EdgeEdit("one", None, Positions.of(2), Positions.of(1), texts=Texts((0,), 3)),
        EdgeEdit("two", None, Positions.of(2), Positions.of([0, 4]), texts=Texts((2,), 3)),
        EdgeEdit("all", None, Positions.of(2), Positions.of(3)),
    ]
    (group,) = edge_groups(plan, (3, HEADS, QUERIES, KEYS), Offsets(0, 0), "", CPU)
    assert group.rows.tolist() == [2]
    assert group.removed.int().tolist() == [[0, 1, 0, 1, 0], [0, 0, 0, 1, 0], [1, 0, 0, 1, 1]]
    with pytest.raises(ConfigError, match="one is of single texts of a batch of 3, and 'x' atte"):
        edge_groups(plan, (2, HEADS, QUERIES, KEYS), Offsets(0, 0), "x", CPU)
