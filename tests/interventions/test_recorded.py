"""Numbers of one run in the place of those of another."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError, TraceError
from clearhead.interventions.intervene import intervene
from clearhead.maps.recorder.record import record
from tests.interventions.test_intervene import NAME, Model


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model().double().eval()


def text(seed, length=9):
    return torch.randn(2, length, 32, generator=torch.Generator().manual_seed(seed)).double()


def test_patching_everything_gives_the_other_run(model):
    with record(model, outputs=["layers.?", NAME]) as clean:
        truth = model(text(1))
    assert torch.equal(model(text(1)), truth)
    with intervene(model) as edits:
        edits["layers.1"].output.patch(clean)
        assert torch.equal(model(text(2)), truth)
    outputs = []
    parts = (
        lambda part: part.output.patch(clean),
        lambda part: part.patch(clean),
        lambda part: (part.query.patch(clean), part.key.patch(clean), part.value.patch(clean)),
    )
    for patch in parts:
        with intervene(model) as edits:
            patch(edits[NAME])
            outputs.append(model(text(2)))
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[0], outputs[2])


def test_patching_positions_of_one_head(model):
    with record(model, values=True) as clean:
        model(text(1))
    with record(model, values=True) as other:
        model(text(2))
    source, own = clean.head_outputs[NAME], other.head_outputs[NAME]
    expected = own.clone()
    expected[:, 2, [3, 6]] = source[:, 2, [3, 6]]
    with intervene(model) as edits:
        edits[NAME].head(2).patch(clean, positions=[3, 6])
        patched = model(text(2))
        edits[NAME].set(expected)
        torch.testing.assert_close(model(text(2)), patched)


def test_means(model):
    with record(model, outputs=["layers.0"]) as recording:
        model(text(1))
    mean = recording.head_outputs[NAME].mean((0, 2))
    with intervene(model) as edits:
        edits[NAME].head([1, 3]).mean(recording)
        edits["layers.0"].output.at(4).mean(recording)
        output = model(text(2))
    with intervene(model) as edits:
        edits[NAME].head([1, 3]).set(mean[[1, 3], None])
        edits["layers.0"].output.at(4).set(recording.outputs["layers.0"].mean((0, 1)))
        torch.testing.assert_close(model(text(2)), output)


def patched(model, x, ask):
    with intervene(model) as edits:
        ask(edits)
        return model(x)


def test_what_a_recording_does_not_hold(model):
    with record(model) as recording:
        model(text(1))
    x = text(2)
    with pytest.raises(TraceError, match=r"No output of 'layers.0' was recorded. Outputs are kept"):
        patched(model, x, lambda edits: edits["layers.0"].output.patch(recording))
    with pytest.raises(TraceError, match="record with values=True"):
        patched(model, x, lambda edits: edits[NAME].head(1).patch(recording))
    with pytest.raises(ConfigError, match=r"has no values of 'layers.1.attention'"):
        patched(model, x, lambda edits: edits[NAME].value.patch(recording))


def test_a_recording_of_another_size(model):
    with record(model, outputs=["layers.0"]) as shorter:
        model(text(1, length=5))
    with pytest.raises(ConfigError, match="needed at position 8, and the recording has 5 pos"):
        patched(model, text(2), lambda edits: edits["layers.0"].output.patch(shorter))
    with record(model, outputs=["layers.0"]) as two:
        model(text(1))
    with pytest.raises(ConfigError, match=r"shape \[1, 9, 32\] here, and \[2, 9, 32\] in"):
        patched(model, text(2)[:1], lambda edits: edits["layers.0"].output.patch(two))
