"""Stock models that put their scores together from several products: bands, blocks, columns."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.maps.one_row import one_row  # noqa: E402
from clearhead.maps.recording.reading import load_recording  # noqa: E402
from tests.maps.families.comparing import (  # noqa: E402
    TOLERANCE,
    ids,
    lively,
    padding,
    recorded,
)

LENGTH, WINDOW, BLOCK, GLOBAL = 16, 4, 4, 3
COMMON = {"vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SIZES = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 128,
}  # fmt: skip
SIDES = {
    f"{side}_{name}": number
    for side in ("encoder", "decoder")
    for name, number in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 48))
}


def longformer():
    config = transformers.LongformerConfig(**COMMON, **SIZES, attention_window=WINDOW)
    return lively(transformers.LongformerModel(config)), "encoder.layer.{}.attention.self"


def led():
    config = transformers.LEDConfig(
        **COMMON, **SIDES, d_model=32, attention_window=WINDOW, max_encoder_position_embeddings=64
    )
    encoder = lively(transformers.LEDModel(config)).encoder
    return encoder, "layers.{}.self_attn.longformer_self_attn"


def from_diagonals(own: Any, chosen: Any) -> Any:
    """Weights [batch, heads, length, chosen + window + 1] of a model as those of all keys."""
    batch, heads, length, width = own.shape
    columns = width - WINDOW - 1
    dense = torch.zeros(batch, heads, length, length + WINDOW)
    for query in range(length):
        dense[:, :, query, query : query + WINDOW + 1] += own[:, :, query, columns:]
    dense = dense[..., WINDOW // 2 : WINDOW // 2 + length]
    for row in range(batch if columns else 0):
        for column, key in enumerate(chosen[row].nonzero()[:, 0]):
            dense[row, :, :, key] += own[row, :, :, column]
    return dense


@pytest.mark.parametrize("chosen", [(), (0,), (0, 5)])
@pytest.mark.parametrize("lengths", [(16, 16), (16, 9)])
@pytest.mark.parametrize("family", [longformer, led])
def test_bands_with_global_columns(family, lengths, chosen):
    model, pattern = family()
    inputs = {"input_ids": ids(2, LENGTH), "attention_mask": padding(lengths)}
    is_global = torch.zeros(2, LENGTH, dtype=torch.long)
    is_global[0, list(chosen)] = 1
    is_global[1, list(chosen[:1])] = 1  # rows of the batch have different numbers of them
    if chosen:
        inputs["global_attention_mask"] = is_global
    recording = recorded(model, inputs, values=True)
    with torch.no_grad():
        output = model(**inputs, output_attentions=True)
    assert not recording.refusals
    for layer, own in enumerate(output.attentions):
        calls = recording.calls(pattern.format(layer))
        truth = from_diagonals(own, is_global)
        one = calls[0].dense()
        assert (one - truth).abs().max() < TOLERANCE
        seen = inputs["attention_mask"].bool() & ~is_global.bool()
        assert torch.allclose(one.sum(-1), seen[:, None].float(), atol=1e-5)
        assert calls[0].value.shape == (2, 4, LENGTH, 8)
        assert len(calls) == 1 + bool(chosen)
        if chosen:
            of_chosen = output.global_attentions[layer].transpose(-1, -2)
            assert (calls[1].dense() - of_chosen).abs().max() < TOLERANCE


def test_blocks_with_global_tokens():
    config = transformers.PegasusXConfig(
        **COMMON, **SIDES, d_model=32, block_size=BLOCK, num_global_tokens=GLOBAL
    )
    model = lively(transformers.PegasusXModel(config)).encoder
    inputs = {"input_ids": ids(2, LENGTH), "attention_mask": padding((16, 9))}
    recording = recorded(model, inputs)
    with torch.no_grad():
        attentions = model(**inputs, output_attentions=True).attentions
    assert not recording.refusals
    for layer, own in enumerate(attentions):
        of_tokens, of_blocks = recording.calls(f"layers.{layer}.self_attn")
        assert (of_tokens.dense() - own["global"]).abs().max() < TOLERANCE
        local = own["local"]  # [batch, heads, blocks, block, global + block]
        count = local.shape[2]
        truth = torch.zeros(*of_blocks.shape)
        truth[..., :GLOBAL] = local[..., :GLOBAL].flatten(2, 3)
        for block in range(count):
            rows = slice(block * BLOCK, (block + 1) * BLOCK)
            keys = slice(GLOBAL + rows.start, GLOBAL + rows.stop)
            truth[:, :, rows, keys] = local[:, :, block, :, GLOBAL:]
        assert (of_blocks.dense() - truth).abs().max() < TOLERANCE


@pytest.mark.parametrize("draws", [True, False])
def test_sparse_blocks(draws):
    """Random blocks are drawn in training only; elsewhere the first one takes all their places."""
    length, blocks = 44, 1
    config = transformers.BigBirdConfig(
        **COMMON, **SIZES, sep_token_id=3, block_size=BLOCK, num_random_blocks=blocks,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    model = lively(transformers.BigBirdModel(config)).train(draws)
    inputs = {"input_ids": ids(2, length), "attention_mask": padding((44, 37))}
    recording = recorded(model, inputs)
    with torch.no_grad():
        attentions = model(**inputs, output_attentions=True).attentions
    assert not recording.refusals
    for layer, own in enumerate(attentions):
        calls = recording.calls(f"encoder.layer.{layer}.attention.self")
        assert [one.shape[2] for one in calls] == [4, 4, 28, 4, 4]
        whole = torch.cat([one.dense() for one in calls], 2)
        assert torch.allclose(whole.sum(-1), torch.ones(()))
        truth = own.clone()
        if not draws:  # the model's own table has one of the two weights of the first block
            truth[:, :, BLOCK:-BLOCK, :BLOCK] *= 2
        seen = inputs["attention_mask"].bool()[:, None, :, None]
        assert ((whole - truth).abs() * seen).max() < TOLERANCE


def test_memory_is_linear_in_the_length():
    model, pattern = longformer()
    sizes = []
    for length in (32, 64):
        is_global = torch.zeros(1, length, dtype=torch.long)
        is_global[0, :2] = 1
        inputs = {"input_ids": ids(1, length), "global_attention_mask": is_global}
        recording = recorded(model, inputs)
        sizes.append(recording.calls(pattern.format(0))[0].nbytes)
    assert sizes[1] == 2 * sizes[0]


def test_maps_of_bands_are_written_read_and_cut_to_a_row(tmp_path):
    model, pattern = longformer()
    is_global = torch.zeros(2, LENGTH, dtype=torch.long)
    is_global[:, :2] = 1
    inputs = {"input_ids": ids(2, LENGTH), "attention_mask": padding((16, 9))}
    recording = recorded(model, {**inputs, "global_attention_mask": is_global})
    again = load_recording(recording.save(tmp_path / "bands.safetensors"))
    one, other = (x.calls(pattern.format(1))[0] for x in (recording, again))
    assert one.scoring.mask.describe() == other.scoring.mask.describe()
    assert "runs of keys" in one.scoring.mask.describe()
    assert torch.equal(one.dense(), other.dense())
    assert torch.allclose(one_row(one, 1).dense()[0], one.dense()[1], atol=1e-6)
    received = one.measure("received", "entropy")["received"]
    assert torch.allclose(received, one.dense().sum(2), atol=1e-5)


def test_attention_by_hashing_is_named():
    config = transformers.ReformerConfig(
        **COMMON, hidden_size=32, attention_head_size=8, num_attention_heads=4, num_buckets=4,
        attn_layers=["lsh", "local"], lsh_attn_chunk_length=4, local_attn_chunk_length=4,
        axial_pos_embds=False, max_position_embeddings=64, feed_forward_size=48, is_decoder=False,
        hash_seed=0,
    )  # fmt: skip
    recording = recorded(lively(transformers.ReformerModel(config)), {"input_ids": ids(2, 32)})
    (name,) = recording.refusals
    assert name == "encoder.layers.0.attention.self_attention"
    assert "by its class attention by locality-sensitive hashing" in recording.refusals[name].why
    assert "places are not those of tokens" in recording.refusals[name].why
