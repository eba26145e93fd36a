"""Path patching against two runs by hand, with all heads held by hooks."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.path_runs import Receiver  # noqa: E402
from clearhead.sweeps.sweep import sweep  # noqa: E402
from tests.attribution.models import own_pair  # noqa: E402
from tests.interventions.plain import ByHand, by_hand  # noqa: E402
from tests.maps.families.models import model as family_model  # noqa: E402
from tests.sweeps.by_hand import (  # noqa: E402
    ATTENTIONS,
    HEADS,
    PROJECTIONS,
    TARGET,
    inputs,
    measure,
    seen,
    with_head,
)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("part", ["query", "key", "value"])
@pytest.mark.parametrize("head", [None, 2])
def test_two_runs_by_hand(family, part, head):
    model = family_model(family)
    clean, corrupted = inputs(family, 5), inputs(family, 8)
    receiver, sender = (ATTENTIONS[family].format(layer) for layer in (1, 0))
    model.set_attn_implementation("sdpa")
    result = sweep(
        model, metric=TARGET, clean=clean, corrupted=corrupted,
        to=Receiver(receiver, head, part), batch_size=3,
    )  # fmt: skip
    assert np.isfinite(result.at(module=sender)).all()
    assert np.isnan(result.at(module=receiver)).all()  # runs no path to itself
    projection = PROJECTIONS[family].format(0)
    values = [seen(model, named, [projection], [])[projection] for named in (clean, corrupted)]
    heads = list(range(HEADS)) if head is None else [head]
    for own in range(HEADS):
        notes = []

        def note(x, notes=notes):
            notes.append(x)
            return x

        hold = {projection: lambda x, own=own: with_head(own, values[0])(values[1])}
        with by_hand(model, {receiver: ByHand(**{part: note})}):
            measure(model, corrupted, hold)
        (read,) = notes

        def put(x, read=read):
            return torch.stack([read[:, h] if h in heads else x[:, h] for h in range(HEADS)], 1)

        with by_hand(model, {receiver: ByHand(**{part: put})}):
            change = measure(model, corrupted) - result.before
        assert result.at(module=sender, head=own) == pytest.approx(change, abs=1e-5)
    assert np.nanmax(np.abs(result.values)) > 1e-4


def test_heads_between_are_held():
    import transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=64, n_embd=32, n_layer=3, n_head=HEADS, n_positions=64, initializer_range=0.3,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config).eval()
    clean, corrupted = inputs("gpt2", 5), inputs("gpt2", 8)
    first, between, last = (ATTENTIONS["gpt2"].format(layer) for layer in range(3))
    result = sweep(model, metric=TARGET, clean=clean, corrupted=corrupted, to=Receiver(last))
    places = [PROJECTIONS["gpt2"].format(layer) for layer in range(2)]
    source, own = (seen(model, named, places, []) for named in (clean, corrupted))
    hold = {
        places[0]: lambda x: with_head(3, source[places[0]])(own[places[0]]),
        places[1]: lambda x: own[places[1]],
    }
    notes = []

    def note(x):
        notes.append(x)
        return x

    with by_hand(model, {last: ByHand(query=note)}):
        measure(model, corrupted, hold)
    with by_hand(model, {last: ByHand(query=lambda x: notes[0])}):
        change = measure(model, corrupted) - result.before
    assert result.at(module=first, head=3) == pytest.approx(change, abs=1e-5)
    assert np.isfinite(result.at(module=between)).all()


def test_models_of_our_own():
    model, _, named = own_pair()
    other = {**named, "source_ids": named["source_ids"].flip(1)}
    receiver = Receiver("decoder.layers.0.cross_attention", part="value")
    one, six = (
        sweep(
            model, metric=Target(3, 5), clean=other, corrupted=named, to=receiver, batch_size=size
        )
        for size in (1, 6)
    )
    np.testing.assert_allclose(one.values, six.values, atol=1e-12)
    assert np.nanmax(np.abs(one.at(module="encoder.layers.1.self_attention"))) > 1e-6
    assert np.isnan(one.at(module="decoder.layers.1.self_attention")).all()


def test_what_is_refused():
    model = family_model("gpt2")
    pair = {"clean": inputs("gpt2", 5), "corrupted": inputs("gpt2", 8)}
    with pytest.raises(ConfigError, match="part is one of query, key, value; got 'output'"):
        Receiver("x", part="output")
    with pytest.raises(ConfigError, match="'nothing' is none of the attentions that ran"):
        sweep(model, metric=TARGET, to=Receiver("nothing"), **pair)
    first = ATTENTIONS["gpt2"].format(0)
    with pytest.raises(ConfigError, match=f"No head that is swept over runs before '{first}'"):
        sweep(model, metric=TARGET, to=Receiver(first), **pair)
    with pytest.raises(ConfigError, match="to= asks for the paths from heads"):
        sweep(model, metric=TARGET, over="layers", to=Receiver(first), **pair)
