"""Sweeps against the same edits made by hand, one run for each, in eager attention."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError, ShapeError  # noqa: E402
from clearhead.sweeps.path_runs import Receiver  # noqa: E402
from clearhead.sweeps.sweep import sweep  # noqa: E402
from tests.attribution.models import linear_model, own_pair  # noqa: E402
from tests.interventions.plain import ByHand, by_hand, without_edges  # noqa: E402
from tests.maps.families.models import model as family_model  # noqa: E402
from tests.sweeps.by_hand import (  # noqa: E402
    ATTENTIONS,
    BLOCKS,
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

FAMILIES = ["gpt2", "llama", "t5"]
IDS = torch.tensor([[3, 1, 4, 1, 5]])
TOLERANCE = 1e-5  # eager attention of transformers has its softmax in float32


def additions(model: nn.Module) -> list[tuple[int, int, bool]]:
    """What a sweep puts on modules and takes off again, beside hooks of transformers' own."""
    return [
        (len(module._forward_hooks), len(module._forward_pre_hooks), "forward" in module.__dict__)
        for module in model.modules()
    ]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch", [1, 2])
def test_heads_set_to_zero(family, batch):
    model, named = double(family), inputs(family, batch=batch)
    before = additions(model)
    result = sweep(model, named, TARGET, modules=ATTENTIONS[family].format("*"))
    eager = double(family, "eager")
    assert result.before == pytest.approx(measure(eager, named), abs=TOLERANCE)
    assert result.values.shape == (2, HEADS)
    assert np.abs(result.values).min() > 1e-7  # each matters, so that the comparison says something
    for layer in range(2):
        for head in range(HEADS):
            hook = {PROJECTIONS[family].format(layer): with_head(head, 0.0)}
            name = ATTENTIONS[family].format(layer)
            change = measure(eager, named, hook) - result.before
            assert result.at(module=name, head=head) == pytest.approx(change, abs=TOLERANCE)
    assert additions(model) == before


@pytest.mark.parametrize("family", FAMILIES)
def test_heads_set_to_their_mean(family):
    named, eager = inputs(family), double(family, "eager")
    result = sweep(double(family), named, TARGET, edit="mean", batch_size=3)
    projection = PROJECTIONS[family].format(1)
    mean = seen(eager, named, [projection], [])[projection].mean((0, 1), keepdim=True)
    change = measure(eager, named, {projection: with_head(2, mean)}) - result.before
    assert result.at(module=ATTENTIONS[family].format(1), head=2) == pytest.approx(
        change, abs=TOLERANCE
    )
    masked = {**inputs(family, batch=2)}
    with pytest.raises(ConfigError, match="attention_mask hides some of the tokens"):
        sweep(double(family), masked, TARGET, edit="mean")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch", [1, 2])
def test_patching(family, batch):
    model, eager = double(family), double(family, "eager")
    before = additions(model)
    clean, corrupted = inputs(family, 5, batch), inputs(family, 8, batch)
    pair = {"clean": clean, "corrupted": corrupted}
    block, projection = BLOCKS[family].format(0), PROJECTIONS[family].format(0)
    source = seen(eager, clean, [projection], [block])

    heads = sweep(model, metric=TARGET, **pair)
    hook = {projection: with_head(1, source[projection])}
    change = measure(eager, corrupted, hook) - heads.before
    assert heads.at(module=ATTENTIONS[family].format(0), head=1) == pytest.approx(
        change, abs=TOLERANCE
    )
    assert heads.target == pytest.approx(measure(eager, clean), abs=TOLERANCE)

    layers = sweep(model, metric=TARGET, over="layers", **pair)
    change = measure(eager, corrupted, None, {block: lambda x: source[block]}) - layers.before
    assert layers.at(module=block) == pytest.approx(change, abs=TOLERANCE)

    positions = sweep(model, metric=TARGET, over="positions", positions=[3, 1], **pair)
    assert positions.axes["position"] == ("3", "1")
    hook = {block: with_position(3, source[block])}
    change = measure(eager, corrupted, None, hook) - positions.before
    assert positions.at(module=block, position="3") == pytest.approx(change, abs=TOLERANCE)
    assert additions(model) == before


def test_batches_do_not_change_the_numbers():
    clean, corrupted = inputs("gpt2", 5), inputs("gpt2", 8)
    for over in ("heads", "layers", "positions"):
        one, five = (
            sweep(
                double("gpt2"), metric=TARGET, over=over, clean=clean, corrupted=corrupted,
                batch_size=size,
            )
            for size in (1, 5)
        )  # fmt: skip
        np.testing.assert_allclose(one.values, five.values, atol=1e-10)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_edges_that_are_removed(family):
    model, named = family_model(family), inputs(family)
    model.set_attn_implementation("sdpa")
    result = sweep(model, named, TARGET, over="edges", queries=[5, 2], keys=slice(0, 4))
    assert result.names == ("module", "query", "key")
    # No edge goes to a later token.
    assert np.isnan(result.at(query="2", key="3")).all()
    assert np.isfinite(result.values).sum() == 2 * (4 + 3)
    name = ATTENTIONS[family].format(1)
    with by_hand(model, {name: ByHand(scores=without_edges([5], [2]))}):
        change = measure(model, named) - result.before
    assert result.at(module=name, query="5", key="2") == pytest.approx(change, abs=1e-5)
    assert abs(change) > 1e-4


def test_models_of_our_own_and_of_one_tensor():
    model, _, named = own_pair()
    target = Target(3, 5)
    result = sweep(model, named, target)
    name, head = result.largest(1)[0][0]
    projection = model.get_submodule(f"{name}.output")
    heads = len(result.axes["head"])
    change = with_head(int(head), 0.0, heads)
    handle = projection.register_forward_pre_hook(lambda module, args: (change(args[0]),))
    with torch.no_grad():
        number = float(target(model(**named)))
    handle.remove()
    assert result.at(module=name, head=head) == pytest.approx(number - result.before, abs=TOLERANCE)
    # A tensor alone is the model's first argument.
    one = sweep(double("gpt2"), inputs("gpt2")["input_ids"], TARGET)
    np.testing.assert_array_equal(one.values, sweep(double("gpt2"), inputs("gpt2"), TARGET).values)


class Encoder(nn.Module):
    """PyTorch's own encoder between an embedding and logits."""

    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.embed = nn.Embedding(16, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.unembed = nn.Linear(8, 16)

    def forward(self, input_ids):
        x = self.embed(input_ids)
        if self.batch_first:
            return self.unembed(self.encoder(x))
        return self.unembed(self.encoder(x.transpose(0, 1)).transpose(0, 1))


@pytest.mark.parametrize("batch_first", [True, False])
def test_encoders_of_pytorch(batch_first):
    torch.manual_seed(0)
    model = Encoder(batch_first=batch_first).double().eval()
    result = sweep(model, IDS, Target(3, 5))
    with torch.no_grad():
        attention = model.encoder.layers[1].self_attn
        weights = attention.out_proj.weight.clone()
        attention.out_proj.weight[:, 4:] = 0.0
        number = float(Target(3, 5)(model(IDS)))
        attention.out_proj.weight.copy_(weights)
    assert result.at(module="encoder.layers.1.self_attn", head=1) == pytest.approx(
        number - result.before, abs=TOLERANCE
    )
    if batch_first:
        assert sweep(model, IDS, Target(3, 5), over="positions").values.shape == (3, 5)
    else:
        with pytest.raises(ConfigError, match="second axis is not known to be positions"):
            sweep(model, IDS, Target(3, 5), over="positions")


def test_modules_by_patterns():
    result = sweep(double("llama"), inputs("llama"), TARGET, over="layers", modules="*.mlp")
    assert result.axes["module"] == ("model.layers.0.mlp", "model.layers.1.mlp")
    change = measure(
        double("llama", "eager"), inputs("llama"), None, {"model.layers.1.mlp": torch.zeros_like}
    )
    assert result.values[1] == pytest.approx(change - result.before, abs=TOLERANCE)
    with pytest.raises(ConfigError, match=r"modules='\*.nothing' is none of the modules that ran"):
        sweep(double("llama"), inputs("llama"), TARGET, over="layers", modules="*.nothing")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"inputs": IDS}, "needs a metric"),
        ({"inputs": IDS, "metric": TARGET, "over": "tokens"}, "over is one of heads, layers"),
        ({"inputs": IDS, "metric": TARGET, "edit": "half"}, "edit is 'zero' or 'mean'"),
        ({"inputs": IDS, "metric": TARGET, "batch_size": 0}, "at least 1; it is 0"),
        ({"metric": TARGET}, "give either inputs or both of these"),
        ({"metric": TARGET, "clean": IDS}, "give either inputs or both of these"),
        ({"inputs": IDS, "metric": TARGET, "clean": IDS, "corrupted": IDS}, "give either inputs"),
        ({"clean": IDS, "corrupted": IDS, "metric": TARGET, "over": "edges"}, "Edges are removed"),
        ({"inputs": IDS, "metric": TARGET, "to": Receiver("x")}, "to= asks for the paths"),
        ({"inputs": IDS[0], "metric": TARGET}, r"such as input_ids \[batch, length\]"),
        ({"inputs": {"input_ids": IDS, "cache": object()}, "metric": TARGET}, "hold a object"),
        ({"inputs": IDS, "metric": lambda output: output.mean() * torch.nan}, "metric is nan"),
        ({"inputs": IDS, "metric": lambda output: 3.0}, "A metric gives one number, as a tensor"),
        ({"inputs": IDS, "metric": TARGET, "over": "positions", "positions": 9}, "from 0 to 4"),
    ],
)
def test_what_is_refused(arguments, words):
    model = linear_model()
    before = additions(model)
    with pytest.raises(ConfigError, match=words):
        sweep(model, **arguments)
    assert additions(model) == before


def test_models_that_are_refused():
    model = linear_model()
    with pytest.raises(ShapeError, match="need as many"):
        sweep(model, metric=TARGET, clean=IDS, corrupted=IDS[:, :4])
    with pytest.raises(ConfigError, match="training mode"):
        sweep(model.train(), IDS, TARGET)
    model.eval()
    bare = nn.Sequential(nn.Embedding(16, 8), nn.Linear(8, 16)).double().eval()
    with pytest.raises(ConfigError, match="no attention was seen"):
        sweep(bare, IDS, TARGET)
    with pytest.raises(ConfigError, match=r"has no nn\.ModuleList"):
        sweep(bare, IDS, TARGET, over="layers")
    model.layers[1] = model.layers[0]
    with pytest.raises(ConfigError, match="runs 2 times in one pass"):
        sweep(model, IDS, TARGET)


def test_a_metric_of_the_whole_batch():
    named = {**inputs("gpt2"), "labels": inputs("gpt2")["input_ids"]}

    def loss(output):
        return output.loss

    with pytest.raises(ConfigError, match="the metric is of the whole batch"):
        sweep(double("gpt2"), named, loss)
    result = sweep(double("gpt2"), named, loss, batch_size=1)
    hook = {PROJECTIONS["gpt2"].format(1): with_head(2, 0.0)}
    change = measure(double("gpt2", "eager"), named, hook, target=loss) - result.before
    assert result.at(module=ATTENTIONS["gpt2"].format(1), head=2) == pytest.approx(
        change, abs=TOLERANCE
    )


def test_a_model_is_left_as_it_was_by_an_exception():
    model = linear_model()
    before = additions(model)

    def stop(count: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(model, IDS, TARGET, progress=stop)
    assert additions(model) == before


def test_an_interrupted_sweep_goes_on(tmp_path):
    model, file, counts = linear_model(), tmp_path / "sweep.json", []
    whole = sweep(model, IDS, TARGET, batch_size=1)

    def stop(count: int, total: int) -> None:
        if count == 3:
            raise KeyboardInterrupt

    def note(count: int, total: int) -> None:
        counts.append((count, total))

    with pytest.raises(KeyboardInterrupt):
        sweep(model, IDS, TARGET, batch_size=1, progress=stop, resume=file)
    rest = sweep(model, IDS, TARGET, batch_size=1, progress=note, resume=file)
    assert counts == [(4, 4)]
    np.testing.assert_array_equal(rest.values, whole.values)
    assert len(counts) == 1
    np.testing.assert_array_equal(sweep(model, IDS, TARGET, resume=file).values, whole.values)
    with pytest.raises(ConfigError, match="another sweep: its edit is 'zero', and 'mean'"):
        sweep(model, IDS, TARGET, edit="mean", resume=file)
    with pytest.raises(ConfigError, match="another sweep: its metric"):
        sweep(model, IDS, Target(1), resume=file)
