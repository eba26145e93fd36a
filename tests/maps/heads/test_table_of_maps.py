"""A head that is made to be of a kind is named so, and what cannot be said is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps import AttentionMap, Entropy
from clearhead.maps.heads.table_of_maps import head_kinds
from clearhead.maps.recorder.record import record
from clearhead.maps.recording.calls import FinishedCall, Refusal
from clearhead.maps.recording.contents import Contents
from clearhead.maps.recording.recording import Recording
from clearhead.maps.storage.provenance import Source
from clearhead.maps.storage.summary_map import SummaryMap
from tests.maps.attending import recording_of
from tests.maps.heads.patterns import IDS, habits, map_with


def test_a_head_of_each_kind_is_named() -> None:
    kinds = recording_of({"h.0": map_with(list(habits().values()))}).heads(ids=IDS)
    assert [row.kind for row in kinds] == list(habits())
    induction = kinds.of_kind("induction")
    assert [(row.module, row.head) for row in induction] == [("h.0", 4)]
    assert induction[0].scores["induction"] == pytest.approx(1, abs=1e-6)
    assert induction[0].margin == pytest.approx(0.5, abs=0.05)


def test_a_cross_attention_that_reads_one_by_one_is_aligned() -> None:
    order = [[key] for key in (3, 0, 5, 1, 4, 2)]
    one = map_with([order, [[2]] * 6], 6, kind="cross")
    kinds = head_kinds({"cross": one})
    assert [row.kind for row in kinds] == ["aligned", "mixed"]
    assert kinds.notes == ()
    assert kinds.scores("aligned")["cross"] == pytest.approx([1, 1 / 6], abs=1e-6)
    with pytest.raises(ConfigError, match="belongs to the other of self- and cross"):
        kinds.scores("previous")


def test_labels_stand_for_ids() -> None:
    one = map_with(list(habits().values()))
    labelled = AttentionMap(
        one.query, one.key, one.scoring, key_labels=[f"token {number}" for number in IDS[0]]
    )
    by_labels, by_ids = head_kinds({"h.0": labelled}), head_kinds({"h.0": one}, ids=IDS)
    assert repr(by_labels) == repr(by_ids)


def test_without_tokens_the_others_are_given_and_the_reason() -> None:
    one = map_with(list(habits().values()))
    kinds = head_kinds({"h.0": one, "h.1": one})
    assert [row.kind for row in kinds][:3] == ["previous", "same", "first"]
    assert "induction" not in kinds.rows[4].scores
    assert kinds.notes[:-1] == (
        "duplicate and induction need token ids, and 'h.0' has none: record with tokenizer=, or "
        "give heads(ids=...) (2 attentions)",
    )
    with pytest.raises(
        ConfigError, match=r"No attention here has the score 'induction'. duplicate"
    ):
        kinds.scores("induction")


def test_two_texts_have_their_own_ids() -> None:
    own, cross = (
        map_with([[[i] for i in range(24)]]),
        map_with([[[i] for i in range(6)]], kind="cross"),
    )
    maps = {"encoder.0": own, "decoder.0": own, "decoder.cross": cross}
    with pytest.raises(ConfigError, match=r'two texts.*ids={"encoder'):
        head_kinds(maps, ids=IDS)
    with pytest.raises(ConfigError, match=r'two texts.*mask={"encoder'):
        head_kinds(maps, mask=IDS)
    kinds = head_kinds(maps, ids={"decoder.*": IDS})
    assert list(kinds.scores("duplicate")) == ["decoder.0"]
    assert len(kinds.notes) == 2


def test_texts_that_do_not_fit_are_refused() -> None:
    maps = {"h.0": map_with([[[0]] * 24])}
    with pytest.raises(ShapeError, match=r"ids of 'h.0' must be \[1, 24\], one for each of its"):
        head_kinds(maps, ids=IDS[:, :5])
    with pytest.raises(ShapeError, match=r"mask of 'h.0' must be \[1, 24\].*got \[24\]"):
        head_kinds(maps, mask=IDS[0])


def test_a_mask_leaves_padded_queries_out() -> None:
    """Of the first half, a head looks at the token before; of what is padding, at the first."""
    one = map_with([[[max(i - 1, 0)] if i < 12 else [0] for i in range(24)]])
    maps = {"h.0": one}
    whole, half = head_kinds(maps), head_kinds(maps, mask=torch.arange(24)[None] < 12)
    assert whole.scores("previous")["h.0"] == pytest.approx(11 / 23, abs=1e-3)
    assert half.scores("previous")["h.0"] == pytest.approx(1, abs=1e-3)


def test_calls_and_refusals_have_their_place() -> None:
    calls = [FinishedCall(map_with([habits()[kind]])) for kind in ("previous", "first")]
    contents = Contents("Model", calls={"a": calls, "b": [Refusal("no softmax was seen", "mine")]})
    kinds = Recording(contents).heads()
    assert [(row.module, row.kind) for row in kinds] == [
        ("a call 0", "previous"), ("a call 1", "first"),
    ]  # fmt: skip
    assert "not read: The attention of 'b'" in kinds.notes[0]


def test_summaries_and_nothing_are_refused() -> None:
    summary = SummaryMap((1, 1, 2, 2), Source(), {Entropy(): torch.zeros(1, 1, 2)})
    with pytest.raises(ConfigError, match="only summaries were kept"):
        recording_of({"a": summary}).heads()
    with pytest.raises(ConfigError, match=r"no head to measure. No attention was recorded"):
        Recording(Contents()).heads()


class InductionCircuit(torch.nn.Module):
    """Two layers whose weights are set by hand, as Elhage et al. 2021 describe the circuit.

    A stream holds a token, a position and the token before. The first head looks at the position
    before its own and writes the token that is there; the second looks for its own token there.
    """

    def __init__(self, vocabulary: int, length: int) -> None:
        super().__init__()
        self.token, self.position = torch.eye(vocabulary), torch.eye(length)
        self.first, self.second = torch.nn.Identity(), torch.nn.Identity()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        attend = torch.nn.functional.scaled_dot_product_attention
        token = self.token[ids][:, None]
        position = self.position[: ids.shape[1]].expand(len(ids), 1, -1, -1)
        query = torch.cat([position[:, :, :1], position[:, :, :-1]], dim=2)
        before = self.first(attend(40 * query, position, token, is_causal=True, scale=1.0))
        before[:, :, 0] = 0  # nothing stands before the first
        return self.second(attend(40 * token, before, token, is_causal=True, scale=1.0))


def test_the_induction_circuit_is_named_in_a_model_that_has_it() -> None:
    ids = torch.randperm(40, generator=torch.Generator().manual_seed(0))[:20].repeat(2)[None]
    model = InductionCircuit(40, 40)
    with record(model) as recording:
        out = model(ids)
    assert (out[0, 0, 20:-1].argmax(-1) == ids[0, 21:]).all()  # it does go on as it did before
    kinds = recording.heads(ids=ids)
    assert [row.kind for row in kinds] == ["previous", "induction"]
    assert kinds.rows[1].scores["induction"] > 0.99


def model_of(kind: str) -> torch.nn.Module:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    if kind == "bert":
        config = transformers.BertConfig(
            vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16, max_position_embeddings=32, initializer_range=0.5,
        )  # fmt: skip
        return transformers.BertModel(config).eval()
    config = transformers.LlamaConfig(
        vocab_size=30, hidden_size=32, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=16, initializer_range=0.5,
    )  # fmt: skip
    return transformers.LlamaModel(config).eval()


@pytest.mark.parametrize(
    ("kind", "side"), [("llama", "left"), ("llama", "right"), ("bert", "right")]
)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_padding_changes_nothing(kind: str, side: str, implementation: str) -> None:
    """Texts of a padded batch add up to what they give one by one."""
    model = model_of(kind)
    model.set_attn_implementation(implementation)
    texts = [torch.randint(1, 30, (length,)) for length in (24, 15)]
    batch = torch.zeros(2, 24, dtype=torch.int64)
    for row, text in zip(batch, texts, strict=True):
        row[slice(-len(text), None) if side == "left" else slice(len(text))] = text
    mask = (batch > 0).long()
    with torch.no_grad():
        with record(model) as recording:
            model(batch, attention_mask=mask)
        one_by_one = []
        for text in texts:
            with record(model) as single:
                model(text[None])
            one_by_one.append(single.heads(ids=text[None]))
    padded = recording.heads(ids=batch, mask=mask)
    single = one_by_one[0] + one_by_one[1]
    assert padded.texts == single.texts == 2
    (name,) = padded.sums
    for measure, total in single.sums[name].totals.items():
        np.testing.assert_array_equal(
            padded.sums[name].counts[measure], single.sums[name].counts[measure]
        )
        np.testing.assert_allclose(padded.sums[name].totals[measure], total, atol=2e-5)
