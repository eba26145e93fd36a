"""The recorder sees a model's operators, and the model does not notice."""

from __future__ import annotations

import threading

import pytest
import torch
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.attending import Calls, dense, recorded
from tests.maps.recorder.layers import Model, X


def hooks_and_modes():
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

    module = torch.nn.modules.module
    return (
        len(_get_current_dispatch_mode_stack()),
        len(module._global_forward_hooks),
        len(module._global_forward_pre_hooks),
    )


def test_an_exception_in_the_block_leaves_everything_as_it_was():
    model, before = Model(), hooks_and_modes()
    model.layers[2].register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), record(model) as recording:
        model(X)
    assert hooks_and_modes() == before
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()) == 1
    assert len(recording) == 3
    model.layers[0](X)
    assert len(recording.calls(0)) == 1


def test_an_exception_within_the_model_reaches_the_caller():
    def fail():
        F.scaled_dot_product_attention(*torch.ones(3, 1, 1, 2, 2))
        raise RuntimeError("mine")

    model = Calls(fail)
    with pytest.raises(RuntimeError, match="mine"), record(model) as recording:
        model()
    assert recording[""].shape == (1, 1, 2, 2)


def test_nested_recordings_see_the_same_and_not_each_other():
    model = Model(2)
    plain = model(X)
    with record(model) as outer:
        with record(model.layers[1], summaries=["entropy"]) as inner:
            recorded_output = model(X)
        model(X)
    assert torch.equal(plain, recorded_output)
    assert inner.keys() == [""]
    assert [len(outer.calls(name)) for name in outer] == [2, 2]
    torch.testing.assert_close(inner[""].entropy(), outer[1, 0].entropy())


def test_another_model_and_another_thread_are_not_recorded():
    model, other = Model(1), Model(1)
    with record(model) as recording:
        other(X)
        thread = threading.Thread(target=model, args=(X,))
        thread.start()
        thread.join()
    assert recording.keys() == []
    assert str(recording) == "Recording of Model: 0 attending modules."


def test_gradients_are_the_same_and_the_backward_pass_is_not_recorded():
    model = Model(2)

    def run():
        model.zero_grad()
        model(X).square().sum().backward()
        return [p.grad.clone() for p in model.parameters()]

    recording = recorded(model, run)
    assert [len(recording.calls(name)) for name in recording] == [1, 1]
    assert not recording.refusals


def test_what_a_recompute_of_a_checkpoint_attends_to_is_not_told_twice():
    from torch.utils.checkpoint import checkpoint

    model = Model(1)
    whole = Calls(lambda x: checkpoint(model.layers[0], x, use_reentrant=False))
    whole.inner = model

    def run():
        output = whole(X.clone().requires_grad_())
        output.sum().backward()
        return output

    assert len(recorded(whole, run).calls(0)) == 1


def test_a_compiled_model_stays_compiled_and_the_recording_says_what_it_hides():
    def attend(x):
        return (x @ x.mT).softmax(-1) @ x, F.scaled_dot_product_attention(x, x, x)

    torch._dynamo.reset()
    model = torch.compile(Calls(attend), backend="aot_eager")
    x = torch.randn(1, 2, 6, 4)
    recording = recorded(model, lambda: model(x))
    assert "ran as compiled graphs" in str(recording)
    assert "record the model before torch.compile" in recording.notes[0]
    one = next(call for call in recording.calls(0) if "sdpa" in call.source.kernel)
    torch.testing.assert_close(one.dense().double(), dense(x, x), rtol=0, atol=3e-6)
