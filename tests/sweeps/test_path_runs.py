"""Path patching against two runs by hand, with all heads held by hooks."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.attribution.logit_attribution import attribute_logit  # noqa: E402
from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.path_runs import Receiver  # noqa: E402
from clearhead.sweeps.sweep import sweep  # noqa: E402
from tests.attribution.models import linear_model, own_pair  # noqa: E402
from tests.interventions.plain import ByHand, by_hand  # noqa: E402
from tests.maps.families.models import model as family_model  # noqa: E402
from tests.sweeps.by_hand import (  # noqa: E402
    ATTENTIONS,
    HEADS,
    PROJECTIONS,
    TARGET,
    double,
    inputs,
    measure,
    seen,
    with_head,
    with_position,
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


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("sender", ["transformer.h.0.mlp", "transformer.h.0.attn"])
def test_from_a_layer_to_the_input_of_another(sender, frozen):
    model = family_model("gpt2")
    model.set_attn_implementation("sdpa")
    clean, corrupted = inputs("gpt2", 5), inputs("gpt2", 8)
    receiver, mlp = "transformer.h.1.mlp", "transformer.h.0.mlp"
    result = sweep(
        model, metric=TARGET, clean=clean, corrupted=corrupted, over="positions",
        modules=["*.mlp", "*.attn"], to=Receiver(receiver, part="input"),
        freeze=mlp if frozen else None, batch_size=3,
    )  # fmt: skip
    places = [PROJECTIONS["gpt2"].format(layer) for layer in range(2)]
    source = seen(model, clean, [], [sender])[sender]
    own = seen(model, corrupted, places, [mlp])
    hold = {place: lambda x, place=place: own[place] for place in places}
    patch = with_position(5, source)
    behind = {mlp: lambda x: own[mlp]} if frozen else {}
    behind[sender] = patch
    notes = []

    def note(x):
        notes.append(x)
        return x

    measure(model, corrupted, {**hold, receiver: note}, behind)
    change = measure(model, corrupted, {receiver: lambda x: notes[0]}) - result.before
    assert result.at(module=sender, position="5") == pytest.approx(change, abs=1e-5)
    assert abs(change) > 1e-5
    assert np.isnan(result.at(module=receiver)).all()
    assert result.to == {
        "module": receiver, "part": "input", "head": None, "freeze": [mlp] if frozen else []
    }  # fmt: skip


CLEAN, CORRUPTED = torch.tensor([[3, 1, 4, 1, 5]]), torch.tensor([[3, 1, 9, 1, 5]])
FEED_FORWARD = "*.feed_forward"
SENDERS = [
    {"over": "heads", "modules": "layers.0.attention"},
    {"over": "layers", "modules": "layers.0.attention"},
    {"over": "positions", "modules": "layers.0.feed_forward"},
]


@pytest.mark.parametrize("sender", SENDERS)
def test_in_a_linear_model_paths_sum_to_the_whole(sender):
    model = linear_model()

    def effects(to, freeze):
        return sweep(
            model, metric=Target(3, 5), clean=CLEAN, corrupted=CORRUPTED, to=to, freeze=freeze,
            **sender,
        ).values  # fmt: skip

    # Every way begins with a step to one of these, and goes on as it likes.
    receivers = [Receiver("layers.1.attention", part="value"),
                 Receiver("layers.1.feed_forward", part="input"), "logits"]  # fmt: skip
    if not sender["modules"].endswith("feed_forward"):
        receivers.append(Receiver("layers.0.feed_forward", part="input"))
    paths = [effects(receiver, FEED_FORWARD) for receiver in receivers]
    np.testing.assert_allclose(sum(paths), effects(None, None), atol=1e-12)
    assert min(np.abs(path).max() for path in paths) > 1e-6


def test_direct_paths_to_the_logits_are_direct_logit_attribution():
    model, target = linear_model(), Target(3, 5)
    clean, corrupted = (attribute_logit(model, ids, target) for ids in (CLEAN, CORRUPTED))
    pair = {"metric": target, "clean": CLEAN, "corrupted": CORRUPTED, "to": "logits"}
    heads = sweep(model, freeze=FEED_FORWARD, **pair)
    difference = clean.heads().values - corrupted.heads().values
    np.testing.assert_allclose(heads.values, difference, atol=1e-12)
    # Behind the last layer there is nothing to be frozen, and patching is the same.
    last = {"over": "layers", "modules": "layers.1.feed_forward"}
    whole = sweep(model, **{**pair, **last, "to": None})
    np.testing.assert_allclose(sweep(model, **pair, **last).values, whole.values, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "norm"),
    [("gpt2", "transformer.ln_f"), ("llama", "model.norm"), ("t5", "decoder.final_layer_norm")],
)
def test_the_last_norm_reads_what_reaches_the_logits(family, norm):
    pair = {"clean": inputs(family, 5), "corrupted": inputs(family, 8), "metric": TARGET}
    model = double(family)
    to_norm = sweep(model, to=Receiver(norm, part="input"), **pair)
    to_logits = sweep(model, to="logits", **pair)
    np.testing.assert_allclose(to_norm.values, to_logits.values, atol=1e-9)
    assert np.abs(to_logits.values).max() > 1e-4


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
    with pytest.raises(ConfigError, match="part is one of query, key, value, input; got 'output'"):
        Receiver("x", part="output")
    with pytest.raises(ConfigError, match="'nothing' is none of the attentions that ran"):
        sweep(model, metric=TARGET, to=Receiver("nothing"), **pair)
    first = ATTENTIONS["gpt2"].format(0)
    with pytest.raises(ConfigError, match=f"No head that is swept over runs before '{first}'"):
        sweep(model, metric=TARGET, to=Receiver(first), **pair)
    with pytest.raises(ConfigError, match="Paths begin at what adds to the residual stream"):
        sweep(model, metric=TARGET, over="layers", to=Receiver(first), **pair)
    mlp = {"over": "layers", "modules": "*.mlp", "metric": TARGET, **pair}
    with pytest.raises(ConfigError, match=f"No module that is swept over runs before '{first}'"):
        sweep(model, to=Receiver(first), **mlp)
    with pytest.raises(ConfigError, match="'nothing' is none of the modules that ran"):
        sweep(model, to=Receiver("nothing", part="input"), **mlp)
    with pytest.raises(ConfigError, match=r"freeze= names 'transformer.h.0', whose output is the"):
        sweep(model, to="logits", freeze="transformer.h.0", **mlp)
    with pytest.raises(ConfigError, match=r"modules= names 'transformer.h.1', whose output"):
        sweep(model, to="logits", **{**mlp, "modules": "transformer.h.1"})
    with pytest.raises(ConfigError, match="freeze='x' is none of the modules that ran"):
        sweep(model, to="logits", freeze="x", **mlp)
    with pytest.raises(ConfigError, match="freeze= is of path patching: it needs to="):
        sweep(model, freeze="x", **mlp)
    with pytest.raises(ConfigError, match="to is a Receiver, or 'logits'; got 'logit'"):
        sweep(model, to="logit", **mlp)
    with pytest.raises(ConfigError, match="input of 'x' is read by all of it: leave head"):
        Receiver("x", head=1, part="input")
