"""What each attention becomes: a step, a call of its own, a refusal, or nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clearhead.maps import Scoring
from clearhead.maps.measures.per_position import Entropy
from clearhead.maps.recorder.collector import Collector
from clearhead.maps.recorder.owners import Owner
from clearhead.maps.recorder.selection import Selection
from clearhead.maps.recorder.unread import why_unread
from clearhead.maps.recording.calls import Refusal
from clearhead.maps.recording.captured import CapturedAttention
from clearhead.maps.recording.contents import Contents
from clearhead.maps.recording.storage import Storage
from clearhead.maps.storage.summary_map import SummaryMap
from tests.maps.attending import dense

torch.manual_seed(0)
Q, K, MEMORY = torch.randn(3, 1, 2, 6, 4)


def attention(step, key=None, kernel="flash"):
    """A causal step over the keys up to it, or one over these keys."""
    query = Q[:, :, step]
    options = {"causal": True, "causal_offset": step.start} if key is None else {}
    key = K[:, :, : step.stop] if key is None else key
    return CapturedAttention(query, key, Scoring.of(query, key, **options), kernel)


def collect(*attentions, layers=None, summaries=None):
    """Collect attentions of (name, kind, captured), or of an owner and captured."""
    contents = Contents("Model")
    collector = Collector(contents, Selection(nn.Module(), layers), Storage(), summaries, None)
    for *owner, captured in attentions:
        owner = owner[0] if len(owner) == 1 else Owner(owner[0], nn.Identity(), kind=owner[1])
        collector.add(owner, captured)
    return collector, contents.calls


def shapes(calls):
    return [call.map().shape[2:] for call in calls]


FIRST, SECOND, THIRD = slice(0, 3), slice(3, 4), slice(4, 6)


def test_steps_with_a_cache_are_one_call():
    steps = [("own", "self", attention(step)) for step in (FIRST, SECOND, THIRD)]
    _, calls = collect(*steps)
    (call,) = calls["own"]
    torch.testing.assert_close(
        call.map().dense().double(), dense(Q, K, causal=True), rtol=0, atol=3e-6
    )
    assert (call.map().source.model, call.map().source.module) == ("Model", "own")


def test_attentions_that_do_not_continue_are_calls_with_their_numbers():
    other = attention(FIRST, key=torch.randn(1, 2, 3, 4))
    _, calls = collect(("own", "self", attention(FIRST)), ("own", "self", other))
    assert [call.map().source.call for call in calls["own"]] == [0, 1]


@pytest.mark.parametrize("continues", [True, False])
def test_cross_attention_continues_where_the_self_attention_before_it_does(continues):
    second = SECOND if continues else FIRST
    _, calls = collect(
        ("own", "self", attention(FIRST)),
        ("cross", "cross", attention(FIRST, key=MEMORY)),
        ("own", "self", attention(second)),
        ("cross", "cross", attention(second, key=MEMORY)),
    )
    assert shapes(calls["own"]) == ([(4, 4)] if continues else [(3, 3)] * 2)
    assert shapes(calls["cross"]) == ([(4, 6)] if continues else [(3, 6)] * 2)


def test_the_same_attention_in_another_way_is_not_a_second_call():
    once, again = attention(FIRST), attention(FIRST, kernel="explicit bmm + softmax")
    _, calls = collect(("own", "self", once), ("own", "self", again))
    assert len(calls["own"]) == 1
    assert calls["own"][0].map().source.kernel == "flash"


def test_without_evidence_a_call_is_of_the_kind_of_the_one_before():
    first = attention(slice(0, 1), key=MEMORY)
    _, calls = collect(
        ("cross", "cross", first), ("cross", None, attention(slice(1, 2), key=MEMORY.clone()))
    )
    assert [call.kind for call in calls["cross"]] == ["cross", "cross"]
    _, calls = collect(("layer", None, first))
    assert calls["layer"][0].kind == "self"


def test_only_selected_modules_are_collected_and_numbers_count_all():
    steps = [(name, "self", attention(FIRST)) for name in ("a", "b", "c")]
    collector, calls = collect(*steps, layers=[1])
    assert list(calls) == ["b"]
    assert collector.attending == {"a", "b", "c"}


def test_of_summaries_nothing_else_is_stored():
    captured = attention(FIRST)
    _, calls = collect(("own", "self", captured), summaries=[Entropy()])
    (call,) = calls["own"]
    assert isinstance(call.map(), SummaryMap)
    assert call.nbytes == 0
    weights = dense(captured.query, captured.key, causal=True)
    expected = torch.special.entr(weights).sum(-1)
    torch.testing.assert_close(call.map().entropy().double(), expected, rtol=0, atol=3e-6)


def test_refusals_stand_among_the_calls():
    collector, calls = collect(("own", "self", attention(FIRST)))
    collector.refuse(Owner("own", nn.Identity()), "it was changed", "aten.mul")
    assert calls["own"][1] == Refusal("it was changed", "aten.mul")


def test_attention_of_a_stranger_is_refused_within_a_module_and_counted_beside_it():
    beside = Owner("", nn.Identity(), stranger="Assistant")
    within = Owner("block", nn.Identity(), stranger="Borrowed", within=True)
    collector, calls = collect((beside, attention(FIRST)), (within, attention(FIRST)))
    collector.refuse(beside, "it was changed", "aten.mul")
    assert dict(collector.strangers) == {"Assistant": 2}
    (refusal,) = calls["block"]
    assert refusal.why.startswith("computed by a Borrowed, which is not registered as a submodule")
    assert list(calls) == ["block"]


def test_of_a_compiled_graph_it_is_said_that_the_module_is_not_certain():
    owner = Owner("model", nn.Identity(), kind="self", compiled=True)
    collector, calls = collect((owner, attention(FIRST)))
    assert collector.calls_in_graphs == 1
    (note,) = calls["model"][0].map().source.notes
    assert note.startswith("within a compiled graph")


def test_modules_that_attend_but_were_not_read_are_refused():
    class SelfAttention(nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Linear(2, 2)

    model = nn.ModuleDict({"a": SelfAttention(), "b": SelfAttention()})
    ran = {p.untyped_storage()._cdata for p in model.parameters()}
    collector, calls = collect(("a", "self", attention(FIRST)))
    collector.refuse_unread(list(model.named_modules()), ran)
    assert calls["b"] == [Refusal(why_unread(model["b"]), "operators of its own")]
    assert len(calls["a"]) == 1


def test_a_refusal_says_what_the_class_is_called():
    class GatedDeltaNet(nn.Module):
        pass

    collector, calls = collect()
    for name, module, kernel in (
        ("a", GatedDeltaNet(), "explicit"),
        ("b", GatedDeltaNet(), "aten.mul"),
        ("c", nn.Identity(), "explicit"),
    ):
        collector.refuse(Owner(name, module), "it was changed", kernel)
    assert calls["a"][0].why.startswith("it was changed (by its class a delta rule, which writes")
    assert [calls[name][0].why for name in "bc"] == ["it was changed"] * 2
