from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.engine.memories import encode_sources, share_sources
from clearhead.reference.attention import attention
from clearhead.reference.tracing.trace import OFF
from tests.engine.engines import engine_of


@given(
    lengths=st.lists(st.integers(1, 11), min_size=1, max_size=4),
    data=st.data(),
)
def test_each_row_reads_its_own_source(lengths, data):
    model, rng = engine_of().model, np.random.default_rng(0)
    sources = [rng.integers(3, 20, length).tolist() for length in lengths]
    rows = data.draw(st.lists(st.integers(0, len(sources) - 1), min_size=1, max_size=6))
    memories = share_sources(encode_sources(model, sources, OFF), np.array(rows))
    assert len(memories) == model.config.decoder_layers
    query = rng.standard_normal((len(rows), 4, 1, 4))
    for layer, memory in enumerate(memories):
        read = memory.attend(query, attention)
        assert read.shape == query.shape
        for row, source in enumerate(rows):
            alone = model.memories(model.encode(np.array([sources[source]])))[layer]
            expected = alone.attend(query[row : row + 1], attention)
            np.testing.assert_allclose(read[row : row + 1], expected, atol=1e-10)


def test_sources_of_one_padded_length_with_as_many_rows_are_one_product():
    model = engine_of().model
    groups = encode_sources(model, [[5, 2], [6, 7, 2], [8, 2], [5, 6, 7, 8, 2]], OFF)
    assert [group.rows.tolist() for group in groups] == [[0, 1, 2, -1], [-1, -1, -1, 0]]
    (one,) = share_sources(groups[:1], np.array([0, 0, 1, 1, 2, 2]))[0].shares
    assert one.users is None
    assert one.memory is groups[0].memories[0]
    two, three = share_sources(groups[:1], np.array([2, 1, 1, 0]))[0].shares
    assert two.users.tolist() == [[3], [0]]
    assert three.users.tolist() == [[1, 2]]


def test_padding_is_marked_where_there_is_any():
    model = engine_of().model
    without, some = encode_sources(model, [[5, 6, 7, 2], [5, 6, 7, 8, 2]], OFF)
    rows = np.array([0]), np.array([1])
    (full,) = share_sources([without], rows[0])[0].shares
    (padded,) = share_sources([some], rows[1])[0].shares
    assert full.hidden is None
    assert padded.hidden[0, 0, 0].tolist() == [False] * 5 + [True] * 3
