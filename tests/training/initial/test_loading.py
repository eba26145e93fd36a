"""Loss and gradients of every family that can be fine-tuned, against transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clearhead.pretrained.weight_files import open_weights
from clearhead.pretrained.weights import tensors_of, weight_places
from clearhead.training.step import batch_loss
from tests.reference.exact_transformers import double_throughout
from tests.training.initial.families import (
    MODELS,
    batch_of,
    origin_of,
    our_model,
    pretrained_of,
    random_model,
    their_gradients,
    their_loss,
)

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", MODELS)
def test_loss_and_gradients_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    """In float64, the gradient of every parameter, by the place in the files it is read from."""
    theirs = random_model(name)
    origin = origin_of(theirs, tmp_path)
    ours, batch = our_model(origin), batch_of(origin)
    loss = batch_loss(ours, batch, 0.0).smoothed
    loss.backward()
    with double_throughout():
        their = their_loss(theirs, batch)
        their.backward()
    assert float(loss.detach()) > 1
    assert float(loss.detach()) == pytest.approx(float(their.detach()), rel=1e-10)
    gradients, source = their_gradients(theirs), pretrained_of(origin)
    with open_weights(tmp_path) as files:
        tensors = tensors_of(tmp_path, files, source.family)
        places = weight_places(source.family, source.config, tensors, source.settings)
    for weight, parameter in ours.named_parameters():
        place = places[weight]
        gradient = gradients.get(tensors.names[place.name].replace("embed_out", "lm_head"))
        if not parameter.requires_grad:
            assert (parameter.grad, gradient) == (None, None), weight
            continue
        assert gradient is not None, (weight, tensors.names[place.name])
        array = gradient.numpy()
        array = array.T if place.transposed else array
        array = array if place.rows is None else array[place.rows]
        slope = 1.0
        if place.restore is not None and place.change is not None:
            slope = float(place.change(np.ones(1))[0] - place.change(np.zeros(1))[0])
        elif place.change is not None:
            array = place.change(array)
        assert parameter.grad is not None, weight
        np.testing.assert_allclose(
            parameter.grad.numpy() * slope, array, rtol=1e-7, atol=1e-8, err_msg=weight
        )
