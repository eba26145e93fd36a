"""What must hold before a model is attributed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.running import (  # noqa: E402
    check_model,
    check_same_shapes,
    run,
    written_out,
)
from clearhead.errors import ConfigError, ShapeError  # noqa: E402
from tests.attribution.models import linear_model, own_pair  # noqa: E402


def test_ids_alone_or_arguments_by_name():
    model, ids = linear_model(), torch.tensor([[1, 2]])
    assert torch.equal(run(model, ids), run(model, {"input_ids": ids}))


def test_models_that_cannot_be_attributed():
    _, reference, _ = own_pair()
    with pytest.raises(ConfigError, match=r"got Transformer.*there is clearhead.lens"):
        check_model(reference, "The lens")
    with pytest.raises(ConfigError, match=r"The lens needs them as they are: call model.eval"):
        check_model(linear_model().train(), "The lens")
    with torch.inference_mode(), pytest.raises(ConfigError, match="leave it, or use torch"):
        check_model(linear_model(), "The lens")
    model = linear_model()
    model.layers[0]._compiled_call_impl = model.layers[0].forward  # as .compile() leaves it
    with pytest.raises(ConfigError, match=r"layers.0 is compiled.*before torch.compile"):
        check_model(model, "The lens")


def test_token_counts_are_compared():
    clean = {"input_ids": torch.ones(1, 5), "attention_mask": torch.ones(1, 5)}
    check_same_shapes(clean, clean)
    check_same_shapes(clean["input_ids"], clean["input_ids"] + 1)
    with pytest.raises(
        ShapeError, match=r"input_ids has the shape \[1, 5\] in the clean run and \[1, 6\]"
    ):
        check_same_shapes(clean, {**clean, "input_ids": torch.ones(1, 6)})
    with pytest.raises(ShapeError, match="attention_mask differs between the clean and"):
        check_same_shapes(clean, {**clean, "attention_mask": torch.zeros(1, 5)})
    with pytest.raises(ShapeError, match="the corrupted run input_ids; both need the same"):
        check_same_shapes(clean, {"input_ids": clean["input_ids"]})
    with pytest.raises(ConfigError, match="arguments by name; got list"):
        check_same_shapes([1], clean)


def test_the_fast_path_is_as_it_was_before():
    before = torch.backends.mha.get_fastpath_enabled()
    with written_out():
        assert not torch.backends.mha.get_fastpath_enabled()
    assert torch.backends.mha.get_fastpath_enabled() == before
