"""A row of a table gets the gradients of all places where it was looked up."""

from __future__ import annotations

import numpy as np

from clearhead.reference import Trace
from clearhead.reference.backward.embedding import TableUses, rows_gradient
from clearhead.reference.backward.scope import Scope, Tape
from tests.reference.backward.passes import backward, random_batch
from tests.reference.models import small_config


def test_a_token_that_occurs_twice_counts_twice() -> None:
    d = np.array([[[1.0, 0.0], [10.0, 1.0], [100.0, 2.0]]])
    assert rows_gradient(d, np.array([[2, 0, 2]]), 4).tolist() == [
        [10, 1],
        [0, 0],
        [101, 2],
        [0, 0],
    ]


def test_uses_of_a_table_are_added() -> None:
    trace, uses = Trace(), TableUses()
    scope = Scope(Tape(), {"table.weight": np.zeros((2, 2))}, trace)
    for name in ("first", "second"):
        trace.step(name, np.eye(2), axes=("rows", "d_model"))
        uses.add("table", np.eye(2), name)
    uses.record(scope)
    assert scope.gradients["table.weight"].tolist() == [[2, 0], [0, 2]]
    assert trace["table.d_weight"].of == ("first", "second")


def test_only_tokens_that_occurred_have_a_gradient() -> None:
    config = small_config(tied_embeddings=False, positions="learned")
    _, result, _ = backward(config)
    batch = random_batch(config)
    for side, ids in (("source", batch.source), ("target", batch.target)):
        rows = np.flatnonzero(result.weights[f"{side}_embedding.weight"].any(axis=1))
        # Padding at the end of a source is read by nobody.
        assert set(rows) <= set(ids.ravel())
        assert set(ids[ids != config.pad_id]) <= set(rows)
        positions = result.weights[f"{side}_positions.weight"].any(axis=1)
        assert positions[: ids.shape[1]].all()
        assert not positions[ids.shape[1] :].any()


def test_a_tied_matrix_hears_from_both_sides_and_from_the_logits() -> None:
    trace, result, _ = backward(small_config(encoder_layers=1, decoder_layers=1))
    uses = ("output.d_matrix", "decoder.d_table", "encoder.d_table")
    assert trace["embedding.d_weight"].of == uses
    total = sum(trace[use].value for use in uses)
    np.testing.assert_allclose(result.weights["embedding.weight"], total, rtol=0, atol=1e-15)
