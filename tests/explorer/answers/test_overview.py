"""All heads of a part at once: what is pooled, what is masked, and each head's entropy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import TraceError
from clearhead.explorer.answers.overview import entropy, overview, pooled
from clearhead.reference import Trace, Transformer
from tests.reference.models import random_ids, random_weights, small_config


class Pass:
    def __init__(self, source_len: int, target_len: int, **replace: object) -> None:
        config = small_config(encoder_layers=2, decoder_layers=1, max_length=200)
        rng = np.random.default_rng(0)
        self.reference = Transformer(config, random_weights(config))
        self.trace = Trace(replace=replace)
        source = random_ids(rng, config, 1, source_len)
        self.reference.forward(source, random_ids(rng, config, 1, target_len), trace=self.trace)


SHORT, LONG = Pass(5, 7), Pass(130, 60)


@pytest.mark.parametrize(
    ("part", "path", "layers"),
    [
        ("encoder", "encoder.layers.{}.self_attention", 2),
        ("decoder", "decoder.layers.{}.self_attention", 1),
        ("cross", "decoder.layers.{}.cross_attention", 1),
    ],
)
def test_short_attention_is_shown_weight_for_weight(part: str, path: str, layers: int) -> None:
    answer = overview(SHORT, part)
    weights = np.stack(
        [SHORT.trace[f"{path.format(layer)}.weights"].value[0] for layer in range(layers)]
    )
    assert answer.arrays["weights"].dtype == np.float32
    np.testing.assert_array_equal(answer.arrays["weights"], weights.astype(np.float32))
    safe = np.where(weights > 0, weights, 1)
    each = -(safe * np.log(safe)).sum(axis=-1)
    np.testing.assert_allclose(answer.arrays["entropy"], each.mean(axis=-1), rtol=1e-12)
    queries, keys = weights.shape[-2:]
    assert answer.json == {
        "part": part,
        "pooled": False,
        "block": [1, 1],
        "queries": queries,
        "keys": keys,
    }
    expected = (
        np.triu(np.ones((7, 7), np.uint8), 1) if part == "decoder" else np.zeros((queries, keys))
    )
    np.testing.assert_array_equal(answer.arrays["masked"], expected)


def test_long_attention_is_pooled_to_a_picture_that_loses_no_peak() -> None:
    answer = overview(LONG, "cross")
    assert answer.json["pooled"]
    assert answer.json["block"] == [2, 3]
    assert answer.arrays["weights"].shape == (1, 4, 30, 44)
    weights = LONG.trace["decoder.layers.0.cross_attention.weights"].value[0]
    for row, column in ((0, 0), (11, 20), (29, 43)):  # the last block has one key alone
        block = weights[:, 2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
        cells = answer.arrays["weights"][0, :, row, column]
        np.testing.assert_array_equal(cells, block.max(axis=(1, 2)).astype(np.float32))


def test_a_pooled_cell_is_masked_where_no_query_of_it_sees_any_key_of_it() -> None:
    answer = overview(LONG, "decoder")
    assert answer.json["block"] == [2, 2]
    np.testing.assert_array_equal(answer.arrays["masked"], np.triu(np.ones((30, 30)), 1))
    assert answer.arrays["masked"].dtype == np.uint8


def test_a_picture_of_48_tokens_is_not_pooled_and_one_of_49_is() -> None:
    assert not overview(Pass(48, 2), "encoder").json["pooled"]
    assert overview(Pass(49, 2), "encoder").arrays["weights"].shape[-2:] == (25, 25)


def test_a_masked_token_is_masked_and_counts_for_nothing() -> None:
    def without_third(masked: np.ndarray) -> np.ndarray:
        masked[..., 2] = -np.inf
        return masked

    answer = overview(Pass(5, 4, **{"encoder.*.masked": without_third}), "encoder")
    assert answer.arrays["masked"].tolist() == [[0, 0, 1, 0, 0]] * 5
    assert (answer.arrays["weights"][..., 2] == 0).all()
    assert (answer.arrays["entropy"] <= np.log(4) + 1e-12).all()


def test_a_query_that_attends_to_nothing_is_left_out_of_the_mean() -> None:
    weights = np.array([[[0.5, 0.5], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[1.0, 0], [0, 1]]])
    entropies = entropy(weights)
    np.testing.assert_allclose(entropies, [np.log(2), 0.0, 0.0], rtol=1e-15)
    assert not np.signbit(entropies).any()


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30)),
    block=st.tuples(st.integers(1, 7), st.integers(1, 7)),
)
def test_pooling_takes_the_largest_of_each_block(
    shape: tuple[int, int, int], block: tuple[int, int]
) -> None:
    x = np.random.default_rng(0).random(shape)
    cells = pooled(x, block)
    assert cells.shape == (shape[0], -(-shape[1] // block[0]), -(-shape[2] // block[1]))
    for head, row, column in np.ndindex(*cells.shape):
        block_of_x = x[head, row * block[0] :, column * block[1] :][: block[0], : block[1]]
        assert cells[head, row, column] == block_of_x.max()


def test_a_part_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(TraceError, match=r"no part 'self' .* Its parts: encoder, decoder, cross"):
        overview(SHORT, "self")
