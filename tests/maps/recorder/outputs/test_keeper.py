"""Outputs of modules are kept, and no bit changes, PyTorch's fast path included."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from clearhead.errors import ConfigError
from clearhead.maps.recorder.record import record
from tests.maps.attending import same_bits

X = torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(0))
PADDING = torch.zeros(3, 7, dtype=torch.bool)


def encoder():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()


def test_the_fast_path_stays():
    model = encoder()
    with torch.no_grad():
        plain = model(X)
        with record(model, outputs=["layers.?"]) as recording:
            output = model(X)
        other = model.layers[0](X)
    assert same_bits(plain, output)
    assert recording[0].source.kernel == "encoder fast path"
    assert list(recording.outputs) == ["layers.0", "layers.1"]
    assert torch.equal(recording.outputs["layers.0"], other)
    assert not torch.nn.modules.module._global_forward_hooks


def test_gradients_and_storage():
    model = encoder().train()
    with record(model, outputs="layers.1.linear2", dtype=torch.bfloat16) as recording:
        model(X).sum().backward()
    kept = recording.outputs["layers.1.linear2"]
    assert kept.dtype == torch.bfloat16
    assert not kept.requires_grad
    assert recording.nbytes >= kept.nbytes


def test_other_threads_and_other_models_are_not_kept():
    model, other = encoder(), encoder()
    with record(model, outputs=["layers.0"]) as recording, torch.no_grad():
        thread = threading.Thread(target=model, args=(X,))
        thread.start()
        thread.join()
        other(X)
    assert not recording.outputs


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_is_not_kept_is_noted():
    model = encoder()
    model.use_nested_tensor = True
    padding = PADDING.clone()
    padding[1, 5:] = True
    with torch.no_grad(), record(model, outputs=["layers.0"]) as recording:
        model(X, src_key_padding_mask=padding)
    assert "the output of layers.0 was not kept: its tensors are nested" in str(recording)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["layers.7"], r"has no module 'layers.7'. Did you mean"),
        ([3], "outputs are names of modules, or patterns; got int"),
    ],
)
def test_names(outputs, words):
    with pytest.raises(ConfigError, match=words), record(encoder(), outputs=outputs):
        pass
