from __future__ import annotations

import numpy as np
import pytest

from clearhead.cli.trace._head import head_of
from clearhead.errors import ConfigError
from clearhead.reference import Trace, attention
from tests.cli.trace.heads import WEIGHTS, two_token_head


def test_a_head_has_its_own_part_of_every_step():
    head = two_token_head()
    np.testing.assert_allclose(head.values["weights"], WEIGHTS, rtol=1e-12)
    assert head.values["scores"].tolist() == [[2, 2], [0, 2]]
    assert head.values["contributions"].shape == (2, 2, 4)
    np.testing.assert_allclose(head.values["output"], WEIGHTS @ head.values["value"])
    assert (head.queries, head.keys) == (["▁a", "▁b"], ["▁a", "▁b"])
    assert not head.masked.any()


def test_what_causality_forbids_is_masked():
    assert two_token_head(causal=True).masked.tolist() == [[False, True], [False, False]]


@pytest.fixture(scope="module")
def grouped():
    """A trace of cross-attention of 4 heads that share 2 heads of keys and values."""
    generator, trace = np.random.default_rng(0), Trace(keep="*")
    query, key = generator.normal(size=(1, 4, 3, 8)), generator.normal(size=(1, 2, 5, 8))
    scope = trace.at("decoder.layers.0.cross_attention")
    attention(query, key, key, mask=generator.normal(size=(3, 5)), trace=scope)
    return trace


@pytest.mark.parametrize(("number", "shared"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_neighbouring_heads_share_their_keys_and_values(grouped, number, shared):
    head = head_of(grouped, "cross", 0, number, list("vwxyz"), list("abc"))
    steps = {name: grouped[f"{head.path}.{name}"].value[0] for name in ("query", "key", "value")}
    np.testing.assert_array_equal(head.values["query"], steps["query"][number])
    np.testing.assert_array_equal(head.values["key"], steps["key"][shared])
    np.testing.assert_array_equal(head.values["value"], steps["value"][shared])
    masked = head.values["query"] @ head.values["key"].T / 8**0.5 + head.values["bias"]
    np.testing.assert_allclose(head.values["masked"], masked)
    assert (head.queries, head.keys) == (list("abc"), list("vwxyz"))


@pytest.mark.parametrize(
    ("part", "layer", "number", "words"),
    [
        ("cross", 1, 0, r"--layer must be between 0 and 0 in the model's cross part; it is 1\."),
        ("cross", 0, 4, r"--head must be between 0 and 3 in decoder\.layers\.0\..*; it is 4\."),
        ("cross", 0, -1, r"--head must be between 0 and 3 .*; it is -1\."),
        ("encoder", 2, 0, r"--layer 2 was asked for, and the model's encoder part has none\."),
    ],
)
def test_a_head_that_is_not_there_is_refused_with_those_that_are(
    grouped, part, layer, number, words
):
    with pytest.raises(ConfigError, match=words):
        head_of(grouped, part, layer, number, [], [])
