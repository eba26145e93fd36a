"""Which look-ups of a run are of tokens."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.embeddings import (  # noqa: E402
    is_lookup,
    note_embeddings,
    on_embeddings,
    token_calls,
)
from clearhead.attribution.running import run  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from tests.attribution.models import double, inputs, linear_model  # noqa: E402


def test_what_a_lookup_is():
    ids, vectors = torch.ones(2, 3, dtype=torch.long), torch.ones(2, 3, 4)
    assert is_lookup(ids, vectors)
    assert not is_lookup(ids.float(), vectors)
    assert not is_lookup(ids, vectors[0])
    assert not is_lookup(ids.bool(), vectors)


def test_tokens_and_not_positions():
    ids = inputs("gpt2")
    with torch.no_grad(), note_embeddings(double("gpt2")) as calls:
        run(double("gpt2"), ids)
    assert [call.module for call in calls] == ["transformer.wte", "transformer.wpe"]
    assert token_calls(calls, ids) == {0: "input_ids"}
    with pytest.raises(ConfigError, match="No module looks up the token ids"):
        token_calls(calls[1:], ids)


def test_source_and_target():
    ids = inputs("t5")
    with torch.no_grad(), note_embeddings(double("t5")) as calls:
        run(double("t5"), ids)
    names = token_calls(calls, ids)
    assert sorted(names.values()) == ["decoder_input_ids", "input_ids"]


def test_a_visitor_replaces_vectors():
    model, ids = linear_model(), torch.tensor([[1, 2]])
    with torch.no_grad(), on_embeddings(model, lambda name, ids, x: x * 0):
        silent = model(ids)
    with torch.no_grad():
        assert not torch.equal(silent, model(ids))
        with on_embeddings(model, lambda name, ids, x: x * 0):
            assert torch.equal(silent, model(ids + 3))  # the ids no longer matter
    assert not model.embed._forward_hooks
