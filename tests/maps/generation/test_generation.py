"""What new tokens read of spans, and how they draw on them, against dense matrices in float64."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps import AttentionMap, Source
from clearhead.maps.generation.generation import Generation
from clearhead.maps.rollout import flow_of, flow_to, rollout

PROMPT, NEW, LENGTH = 7, 4, 10
LENGTHS = (4, 2)
SPANS = {"document": (0, 5), "question": (5, 7), "written": (7, 10), "all": (0, 10)}
NAMES = ("layers.0.attention", "layers.1.attention")


def one_map(seed: int, kind: str = "self", keys: int = LENGTH) -> AttentionMap:
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (
        torch.randn(2, heads, length, 8, generator=generator).double() * 1.5
        for heads, length in ((4, LENGTH), (2, keys), (2, keys))
    )
    mask = torch.ones(LENGTH, keys, dtype=torch.bool)
    mask = (mask.tril() if kind == "self" else mask).expand(2, 1, -1, -1).clone()
    mask[1, :, PROMPT + LENGTHS[1] - 1 :] = False
    return AttentionMap.of(query, key, value, mask=mask, source=Source(kind=kind))


def generation(kind: str = "self", keys: int = LENGTH) -> Generation:
    maps = {name: partial(one_map, seed, kind, keys) for seed, name in enumerate(NAMES)}
    return Generation(maps, dict.fromkeys(NAMES, kind), PROMPT - 1, LENGTHS)


@pytest.mark.parametrize("by", ["weight", "contribution"])
def test_spans_are_sums_of_rows(by):
    reading = generation().spans(SPANS, by=by)
    assert reading.names == tuple(SPANS)
    assert list(reading) == list(NAMES)
    for name, sums in reading.sums.items():
        one = generation()[name]
        dense = (one.dense() if by == "weight" else one.contributions[...])[:, :, PROMPT - 1 :]
        for place, (first, end) in enumerate(SPANS.values()):
            expected = dense[..., first:end].sum(-1)
            torch.testing.assert_close(sums[..., place], expected, rtol=0, atol=1e-14)
    if by == "weight":
        whole = reading.of("all")
        torch.testing.assert_close(whole[0], torch.ones(NEW).double(), rtol=0, atol=1e-12)
        assert whole[1, LENGTHS[1] :].tolist() == [0, 0], "nothing behind the end"


def test_layers_and_characters():
    offsets = [(3 * place, 3 * place + 2) for place in range(LENGTH)]
    run = generation()
    reading = run.spans({"document": (0, 14)}, layers="layers.1.*", offsets=offsets)
    assert list(reading) == ["layers.1.attention"]
    assert torch.equal(reading.mean(), run.spans({"document": (0, 5)}, layers=NAMES[1:]).mean())


def test_flow_is_the_sum_of_rollout_over_a_span():
    run = generation()
    flow = run.flow_to(SPANS, heads=[0, 2], residual=0.3)
    assert flow.shape == (2, NEW, len(SPANS))
    rows = rollout(run, list(range(PROMPT - 1, LENGTH)), heads=[0, 2], residual=0.3)
    for place, (first, end) in enumerate(SPANS.values()):
        expected = rows[..., first:end].sum(-1)
        expected[1, LENGTHS[1] :] = 0
        torch.testing.assert_close(flow[..., place], expected, rtol=0, atol=1e-12)
    one = run.flow_to({"token": (3, 4)})[..., 0]
    torch.testing.assert_close(one[0], flow_to(run, 3)[0, PROMPT - 1 :], rtol=0, atol=1e-12)


def test_an_encoder_decoder_reads_by_cross_attention():
    run = generation("cross", keys=12)
    assert run.is_encoder_decoder
    reading = run.spans({"source": (0, 12)})
    torch.testing.assert_close(reading.mean()[0], torch.ones(NEW, 1).double())
    with pytest.raises(ConfigError, match=r"reaches the new tokens by cross-attention.*encoder\*"):
        run.flow_to({"source": (0, 12)})


def test_the_rows_that_wrote_tokens():
    run = generation()
    assert torch.equal(
        run.written_from(NAMES[0]).dense(), run[NAMES[0]].dense()[:, :, PROMPT - 1 :]
    )
    assert (run.new, run.first, len(run)) == (NEW, PROMPT - 1, 2)
    assert "2 sequences of 4, 2 new tokens, in 2 attending modules" in str(run)
    assert "layers.9" not in run


def test_what_cannot_be_read():
    run = generation()
    with pytest.raises(ConfigError, match=r"No module 'layers\.9' attended while"):
        run["layers.9"]
    with pytest.raises(ConfigError, match=r"No module matches 'decoder\*'; there are layers\.0"):
        run.spans(SPANS, layers="decoder*")
    with pytest.raises(ConfigError, match="within the 10 tokens that can be read"):
        run.spans({"document": (4, 11)})
    with pytest.raises(ShapeError, match=r"with batch 2 and length 10; got \[2, 1, 9\]"):
        flow_of(run, torch.zeros(2, 1, 9))
