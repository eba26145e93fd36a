"""What a text shows is what `clearhead inspect` shows of it; and which texts are refused."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.errors import ConfigError, TextError  # noqa: E402
from clearhead.head_kinds import MEASURES  # noqa: E402
from clearhead.surveys import reading, text_model  # noqa: E402
from clearhead.surveys.reading import read_text  # noqa: E402
from clearhead.surveys.text_model import Model  # noqa: E402
from tests.cli.inspect.hugging_face import LENGTH, TEXT  # noqa: E402


@pytest.fixture(scope="module")
def model(folder):
    models = {}

    def of(kind):
        return models.setdefault(kind, Model(folder(kind), "cpu", "auto"))

    return of


@pytest.mark.parametrize("kind", ["gpt2", "bert", "t5"])
def test_a_text_shows_what_a_recording_of_it_shows(model, kind):
    ours = model(kind)
    target = "the street lights" if kind == "t5" else None
    found = read_text(ours, TEXT, target)
    source = ours.tokens(TEXT)
    queries = None if target is None else ours.tokens(target, target=True)
    with ours.recording_of([], None) as recording:
        ours.run(source, queries)
    assert [name for _, name, _ in sorted(found.layers)] == sorted(
        recording, key=[name for name, _ in ours.stack.named_modules()].index
    )
    assert (found.tokens, found.target_tokens) == (
        len(source.ids), 0 if queries is None else len(queries.ids)
    )  # fmt: skip
    table = recording.heads()
    for (_, name, call), layer in found.layers.items():
        (one,) = recording.calls(name)
        assert (call, layer.attention) == (0, one.source.kind)
        measures = one.measure("entropy", "sink", "distance")
        for measure, numbers in measures.items():
            if measure == "distance" and layer.attention == "cross":
                assert np.isnan(layer.values[measure]).all()
                continue
            means = numbers.double().mean((0, 2)).numpy()
            np.testing.assert_allclose(layer.values[measure], means, atol=1e-7)
        rows = [row for row in table.rows if row.module == name]
        assert layer.kinds == tuple(row.kind for row in rows)
        for head, row in enumerate(rows):
            scores = {
                measure: layer.values[measure][head]
                for measure in MEASURES
                if measure in layer.values and not np.isnan(layer.values[measure][head])
            }
            assert scores == row.scores


def test_a_decoder_reads_what_the_model_writes_where_no_target_came(model, monkeypatch):
    monkeypatch.setattr(text_model, "MOST_GENERATED", 5)
    ours = model("t5")
    monkeypatch.setattr(ours, "notes", [])
    found = read_text(ours, TEXT)
    target = ours.generate_target(ours.tokens(TEXT))
    assert found.target_tokens == len(target.ids)
    assert found.is_cut == bool(ours.notes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "it is empty"), ("  ", "it is empty"),
     ("hello " * LENGTH, f"and the model can read {LENGTH}$")],
)  # fmt: skip
def test_a_text_that_cannot_be_read_whole_is_refused(model, text, reason):
    with pytest.raises(TextError, match=reason):
        read_text(model("gpt2"), text)


def test_an_empty_target_is_refused(model):
    with pytest.raises(TextError, match="its target is empty"):
        read_text(model("t5"), TEXT, " ")


def test_a_text_whose_numbers_are_not_finite_is_refused(folder):
    ours = Model(folder("gpt2"), "cpu", "auto")
    first = ours.tokens("hello").ids[0]
    with torch.no_grad():
        ours.model.wte.weight[first] = float("nan")
    with pytest.raises(TextError, match="numbers for it that are not finite"):
        read_text(ours, "hello")
    assert read_text(ours, "street").layers


def test_a_model_without_attention_is_refused_and_one_that_is_not_read_is_counted(
    model, monkeypatch
):
    ours = model("bert")
    with pytest.raises(ConfigError, match=r"no attention of BertModel was met in embeddings"):
        read_text(ours, TEXT, layers=("embeddings",))

    class Mixing(torch.nn.Module):
        def forward(self, input_ids, **_):
            x = input_ids[:, None, :, None].float()
            weights = (x @ x.mT / 100).softmax(-1)
            return weights.tril() @ x

    with monkeypatch.context() as patch:
        mixing = Mixing()
        patch.setattr(ours, "stack", mixing)
        found = read_text(ours, TEXT)
    assert not found.layers
    ((name, why),) = found.refusals.items()
    assert name == ""
    assert "changed between softmax and values" in why


def test_attention_that_is_written_out_is_read(folder):
    eager = Model(folder("gpt2"), "cpu", "auto")
    eager.model.set_attn_implementation("eager")
    fused = Model(folder("gpt2"), "cpu", "auto")
    ours, theirs = read_text(eager, TEXT), read_text(fused, TEXT)
    assert {layer.kernel for layer in ours.layers.values()} != {
        layer.kernel for layer in theirs.layers.values()
    }
    for key, layer in ours.layers.items():
        for measure, values in layer.values.items():
            np.testing.assert_allclose(values, theirs.layers[key].values[measure], atol=1e-5)


def test_reasons_are_counted_without_their_numbers():
    assert reading._without_numbers("row 3 of 1,024 differs by 0.25") == "row # of # differs by #"
