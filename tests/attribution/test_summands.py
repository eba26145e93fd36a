"""Parts become summands: their kinds, names and layers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.attribution.logit_attribution import attribute_logit  # noqa: E402
from clearhead.attribution.summands import Summand, check_sum  # noqa: E402
from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from tests.attribution.models import double, inputs  # noqa: E402


def test_names_kinds_and_layers():
    sums = attribute_logit(double("gpt2"), inputs("gpt2"), Target(9))
    layer = [("head", h) for h in range(4)] + [("bias", None), ("feed_forward", None)]
    assert [(s.kind, s.head) for s in sums.summands] == [
        ("embedding", None),
        ("embedding", None),
        *layer,
        *layer,
        ("bias", None),
    ]
    assert [s.layer for s in sums.summands] == [None] * 2 + [0] * 6 + [1] * 6 + [None]
    names = [s.name for s in sums.summands if s.kind != "head"]
    assert names == [
        "transformer.wte",
        "transformer.wpe",
        "transformer.h.0.attn.c_proj.bias",
        "transformer.h.0.mlp",
        "transformer.h.1.attn.c_proj.bias",
        "transformer.h.1.mlp",
        "transformer.ln_f.bias",
    ]
    assert Summand("a", "head", 1.0, 0, 3).name == "a head 3"


def test_a_sum_that_does_not_close_is_refused():
    check_sum(1.0, 1.0 + 1e-7, 5.0, 1e-6)
    with pytest.raises(ConfigError, match=r"sum to 1.000000, and the model's logit is 1.100000"):
        check_sum(1.0, 1.1, 5.0, 1e-6)
