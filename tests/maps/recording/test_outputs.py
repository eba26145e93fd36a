"""What modules returned, and weights times values, from a recording and from its file."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import TraceError
from clearhead.maps.recorder.record import record
from clearhead.maps.recording import outputs
from clearhead.maps.recording.reading import load_recording
from tests.interventions.test_intervene import NAME, Model

X = torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model().eval()


def test_the_outputs_of_heads_are_what_is_projected(model, monkeypatch):
    projected = []
    layer = model.layers[1].attention.out
    handle = layer.register_forward_pre_hook(lambda module, args: projected.append(args[0]))
    with record(model, outputs=["layers.0", NAME]) as recording:
        model(X)
    handle.remove()
    monkeypatch.setattr(outputs, "_BLOCK", 2 * 4 * 9 * 4)  # 4 queries at a time
    heads = recording.head_outputs[NAME]
    torch.testing.assert_close(heads.transpose(1, 2).flatten(2), projected[0])
    assert list(recording.head_outputs) == ["layers.0.attention", NAME]
    assert torch.equal(recording.outputs["layers.0"], model.layers[0](X)[0])


def test_outputs_in_a_file(model, tmp_path):
    with record(model, outputs=["layers.0", NAME]) as recording:
        model(X)
    again = load_recording(recording.save(tmp_path / "one.safetensors"))
    assert list(again.outputs) == list(recording.outputs)
    for name in recording.outputs:
        assert torch.equal(again.outputs[name], recording.outputs[name])
    assert torch.equal(again.head_outputs[NAME], recording.head_outputs[NAME])


def test_several_calls(model):
    with record(model, outputs=["layers.0"]) as recording:
        model(X)
        model(X)
    with pytest.raises(TraceError, match=r"called 2 times, .* recording.outputs.calls\('layers.0'"):
        recording.outputs["layers.0"]
    first, second = recording.outputs.calls("layers.0")
    assert torch.equal(first, second)


def test_steps_of_a_generation_are_one_output(tmp_path):
    pytest.importorskip("transformers")
    from tests.maps.families.comparing import ids
    from tests.maps.families.models import model as family

    network = family("llama")
    network.set_attn_implementation("sdpa")
    name = "model.layers.1"
    with record(network, outputs=[name]) as recording:
        text = network.generate(ids(2, 6), max_new_tokens=4, min_new_tokens=4, do_sample=False)
    with record(network, outputs=[name]) as whole:
        network(text[:, :-1], use_cache=False)
    torch.testing.assert_close(recording.outputs[name], whole.outputs[name], atol=1e-5, rtol=1e-5)
    again = load_recording(recording.save(tmp_path / "one.safetensors"))
    assert torch.equal(again.outputs[name], recording.outputs[name])


def test_outputs_of_beams_and_drafts_are_those_of_their_own_rows(tmp_path):
    pytest.importorskip("transformers")
    from tests.maps.families.comparing import ids
    from tests.maps.families.models import model as family

    network, name = family("gpt2"), "transformer.h.1"
    network.set_attn_implementation("sdpa")
    drafts = ids(1, 6)[:, [0, 1, 2, 0, 1, 2, 0]]
    more = {"max_new_tokens": 5, "min_new_tokens": 5, "do_sample": False}
    with record(network, outputs=[name]) as recording:
        text = network.generate(drafts, prompt_lookup_num_tokens=3, **more)
    assert "drafted and rejected" in str(recording[0].source.notes)
    with record(network, outputs=[name]) as whole:
        network(text[:, :-1], use_cache=False)
    mine = recording.outputs[name][:, : text.shape[1] - 1]
    torch.testing.assert_close(mine, whole.outputs[name], atol=1e-5, rtol=1e-5)

    # Of beams it is the rows of the last step, whose tokens the labels say.
    tokens = lambda row: [str(one) for one in row]  # noqa: E731
    with record(network, outputs=[name], tokenizer=tokens) as recording:
        network.generate(ids(2, 6), num_beams=3, **more)
    assert "beams" in str(recording[0].source.notes)
    text = torch.tensor([[int(one) for one in row] for row in recording[0].query_labels])
    with record(network, outputs=[name]) as whole:
        network(text, use_cache=False)
    torch.testing.assert_close(recording.outputs[name], whole.outputs[name], atol=1e-5, rtol=1e-5)
    again = load_recording(recording.save(tmp_path / "one.safetensors"))
    assert torch.equal(again.outputs[name], recording.outputs[name])


def test_what_is_not_there(model):
    with record(model) as recording:
        model(X)
    with pytest.raises(TraceError, match=r"No output of 'layers.0' was recorded. .* none here"):
        recording.outputs["layers.0"]
    with pytest.raises(TraceError, match="need its values: record with values=True"):
        recording.head_outputs[NAME]
