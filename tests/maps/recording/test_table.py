"""A recording, printed."""

from __future__ import annotations

import torch

from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.recording.calls import FinishedCall, Refusal
from clearhead.maps.recording.contents import Contents
from clearhead.maps.recording.table import table
from clearhead.maps.storage.provenance import Source


def make_call(queries, keys, kv_heads=12, **source):
    query, key = torch.zeros(1, 12, queries, 2), torch.zeros(1, kv_heads, keys, 2)
    return FinishedCall(AttentionMap.of(query, key, source=Source(**source)))


def test_every_module_has_a_row_for_each_kind_of_call():
    contents = Contents(
        "Model",
        notes=["something else ran"],
        calls={
            "encoder.0": [make_call(5, 5, kernel="flash")],
            "": [make_call(1, 1234, kv_heads=3, kind="cross", kernel="explicit bmm + softmax")] * 2,
            "encoder.10": [make_call(5, 5, kernel="flash"), Refusal("no softmax was seen", "mine")],
        },
    )
    assert table(contents).splitlines() == [
        "Recording of Model: 3 attending modules",
        "module       kind     heads  queries  keys  kernel",
        "encoder.0    self        12        5     5  flash",
        "(the model)  cross  12 on 3        1  1234  explicit bmm + softmax  x 2",
        "encoder.10   self        12        5     5  flash",
        "encoder.10   ?            ?        ?     ?  not read",
        "not read: encoder.10: no softmax was seen",
        "note: something else ran",
    ]


def test_a_recording_of_nothing_is_one_line():
    assert table(Contents("Model")) == "Recording of Model: 0 attending modules."
    assert table(Contents()) == "Recording: 0 attending modules."
    one = table(Contents(calls={"a": [make_call(2, 2)]}))
    assert one.startswith("Recording: 1 attending module\n")
