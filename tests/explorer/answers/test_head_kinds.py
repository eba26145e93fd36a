"""The kinds of a part's heads, asked of a trace."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ShapeError, TraceError
from clearhead.explorer.answers.head_kinds import head_kinds
from clearhead.head_kinds import EVEN, LEAST_QUERIES, SHARE
from clearhead.reference import Trace, Transformer
from tests.reference.models import random_ids, random_weights, small_config


class Pass:
    def __init__(self) -> None:
        config = small_config(encoder_layers=2, decoder_layers=1)
        rng = np.random.default_rng(0)
        self.reference = Transformer(config, random_weights(config))
        self.trace = Trace()
        source = random_ids(rng, config, 1, 5)
        self.reference.forward(source, random_ids(rng, config, 1, 7), trace=self.trace)


RUN = Pass()


def test_every_head_of_every_layer_is_measured() -> None:
    answer = head_kinds(RUN, "encoder")
    weights = [RUN.trace[f"encoder.layers.{n}.self_attention.weights"].value[0] for n in (0, 1)]
    assert [len(layer) for layer in answer["layers"]] == [len(one) for one in weights]
    for layer, ofs in zip(answer["layers"], weights, strict=True):
        for head, one in zip(layer, ofs, strict=True):
            assert head["measures"]["previous"] == pytest.approx(np.diagonal(one, -1).mean())
            assert head["measures"]["same"] == pytest.approx(np.diagonal(one).mean())
    assert (answer["share"], answer["even"]) == (SHARE, EVEN)
    assert (answer["start"], answer["queries"]) == (0, LEAST_QUERIES)


def test_tokens_and_weights_say_more_of_self_attention() -> None:
    ids = [5, 6, 7, 8, 9, 5, 6]
    copying = {"decoder.layers.0.self_attention": np.linspace(-1, 1, 4)}
    (layer,) = head_kinds(RUN, "decoder", ids=ids, copying=copying)["layers"]
    weights = RUN.trace["decoder.layers.0.self_attention.weights"].value[0]
    expected = {"duplicate": (0, 1), "induction": (1, 2)}
    for name, (fifth, sixth) in expected.items():
        means = (weights[:, 5, fifth] + weights[:, 6, sixth]) / 2
        np.testing.assert_allclose([head["measures"][name] for head in layer], means)
    assert [head["copying"] for head in layer] == copying[next(iter(copying))].tolist()
    (without,) = head_kinds(RUN, "decoder")["layers"]
    assert without[0]["copying"] is None
    assert "duplicate" not in without[0]["measures"]


def test_one_layer_of_a_part() -> None:
    answer = head_kinds(RUN, "encoder", (1, 2))
    assert answer["start"] == 1
    assert answer["layers"] == head_kinds(RUN, "encoder")["layers"][1:]


def test_a_decoder_sees_nothing_of_what_comes_and_aligns_elsewhere() -> None:
    (decoder,), (cross,) = (head_kinds(RUN, part)["layers"] for part in ("decoder", "cross"))
    assert all(head["measures"]["next"] == 0 for head in decoder)
    assert all({"aligned", "even"} <= set(head["measures"]) for head in cross)
    weights = RUN.trace["decoder.layers.0.cross_attention.weights"].value[0]
    expected = weights.max(axis=1).sum(axis=-1) / 5
    np.testing.assert_allclose([head["measures"]["aligned"] for head in cross], expected)


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(TraceError, match=r"no part 'x'.* Its parts: encoder, decoder, cross"):
        head_kinds(RUN, "x")
    with pytest.raises(ShapeError, match=r"layers is \[start, stop\]"):
        head_kinds(RUN, "encoder", (1, 3))
