"""What a sweep is asked for, and what does not fit together."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from clearhead.errors import ConfigError, ShapeError  # noqa: E402
from clearhead.sweeps.path_runs import Receiver  # noqa: E402
from clearhead.sweeps.request import Request, check_no_padding, texts_of  # noqa: E402

IDS = torch.tensor([[3, 1, 4, 1, 5]])


def request(**changes: Any) -> Request:
    plain = dict.fromkeys(("to", "freeze", "modules", "heads", "positions", "queries", "keys"))
    return Request(**{"over": "heads", "edit": "zero", "patches": False, **plain, **changes})


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "zero"),
        ({"edit": "mean"}, "mean"),
        ({"patches": True}, "patch"),
        ({"over": "edges"}, "remove"),
    ],
)
def test_what_is_done_to_a_part(changes, kind):
    own = request(**changes)
    own.check()
    assert own.kind == kind
    assert own.measure.startswith("effect of ")
    assert own.paths is None


def test_where_paths_lead():
    receiver = Receiver("h.1.attn", head=2, part="key")
    own = request(patches=True, to=receiver, freeze="*.mlp")
    own.check()
    assert own.receiver is receiver
    assert own.paths == {"module": "h.1.attn", "part": "key", "head": 2, "freeze": ["*.mlp"]}
    logits = request(patches=True, to="logits", over="layers", modules="*.mlp")
    logits.check()
    assert logits.receiver is None
    assert logits.paths == {"module": "", "part": "output", "head": None, "freeze": []}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"over": "words"}, "over is one of heads, layers, positions, edges; got 'words'"),
        ({"edit": "noise"}, "edit is 'zero' or 'mean'; got 'noise'"),
        ({"over": "edges", "patches": True}, "Edges are removed and not patched"),
        ({"freeze": "*.mlp"}, "freeze= is of path patching"),
        ({"to": "logits"}, "to= asks for the paths from heads, layers or positions"),
        ({"to": "logits", "over": "layers", "patches": True}, "Say which modules send"),
        ({"to": 3, "patches": True}, "to is a Receiver, or 'logits'; got 3"),
    ],
)
def test_what_does_not_fit_together(changes, words):
    with pytest.raises(ConfigError, match=words):
        request(**changes).check()


def test_one_run_or_two():
    other = IDS.flip(1)
    assert texts_of(IDS, None, None) == (IDS, None)
    own, source = texts_of(None, IDS, other)
    assert own is other
    assert source is IDS
    for texts in ((IDS, IDS, other), (None, IDS, None), (None, None, None)):
        with pytest.raises(ConfigError, match="give either inputs or both of these"):
            texts_of(*texts)
    with pytest.raises(ShapeError, match="so they need as many"):
        texts_of(None, IDS, IDS[:, :3])


def test_means_are_not_of_padding():
    check_no_padding(IDS)
    check_no_padding({"input_ids": IDS, "attention_mask": torch.ones_like(IDS)})
    with pytest.raises(ConfigError, match="attention_mask hides some of the tokens"):
        check_no_padding({"input_ids": IDS, "attention_mask": IDS > 1})
