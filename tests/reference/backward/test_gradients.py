"""The gradients of a whole model; their agreement with autograd is in tests/agreement."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config_parts import OutputConfig, PatchConfig
from clearhead.errors import ConfigError, ShapeError, TraceError
from clearhead.reference import (
    Trace,
    Transformer,
    adamw_step,
    cross_entropy,
    expected_shapes,
    gradients,
)
from tests.reference.backward.passes import backward, random_batch
from tests.reference.models import random_weights, small_config


def test_some_numbers_of_every_weight_by_finite_differences() -> None:
    config = small_config(
        activation="gelu", vocab_size=11, d_model=8, num_heads=2, encoder_layers=1, decoder_layers=1
    )
    weights, (source, target, labels) = random_weights(config), random_batch(config)

    def loss(name: str, place: tuple[int, ...], change: float) -> float:
        moved = weights[name].copy()
        moved[place] += change
        model = Transformer(config, {**weights, name: moved})
        logits = model.forward(source, target)
        return cross_entropy(logits, labels, label_mask=labels != config.pad_id).loss

    ours = gradients(config, weights, source, target, labels=labels).weights
    rng = np.random.default_rng(0)
    for name, gradient in ours.items():
        place = tuple(int(rng.integers(size)) for size in gradient.shape)
        theirs = (loss(name, place, 1e-5) - loss(name, place, -1e-5)) / 2e-5
        assert gradient[place] == pytest.approx(theirs, abs=1e-8), name


def test_names_and_shapes_are_those_of_the_weights() -> None:
    config = small_config(encoder_layers=0, positions="learned")
    _, result, weights = backward(config)
    shapes = {name: gradient.shape for name, gradient in result.weights.items()}
    assert list(shapes.items()) == list(expected_shapes(config).items())
    for name, weight in random_weights(config).items():
        assert np.array_equal(weights[name], weight)  # what came is left as it is


def test_the_loss_is_that_of_the_forward_pass() -> None:
    config = small_config()
    trace, result, weights = backward(config)
    source, target, labels = random_batch(config)
    chances = Transformer(config, weights).log_probabilities(source, target)
    y = 0.9 * np.eye(config.vocab_size)[labels] + 0.1 / config.vocab_size
    losses = -(chances * y).sum(axis=-1)[labels != config.pad_id]
    assert result.loss == pytest.approx(losses.mean(), abs=1e-12)
    assert trace["loss"].value == result.loss


def test_every_step_of_a_layer_has_a_gradient_beside_it() -> None:
    trace, _, _ = backward(small_config(encoder_layers=1, decoder_layers=1))
    statistics = ("mean", "variance", "query", "key", "value")
    for step in trace.find("decoder.layers.0.*"):
        if not step.name.startswith("d_") and step.name not in statistics:
            gradient = trace[f"{step.path.removesuffix(step.name)}d_{step.name}"]
            assert gradient.shape == step.shape


def test_a_step_says_how_it_was_computed_and_from_what() -> None:
    trace, _, _ = backward(small_config(encoder_layers=1, decoder_layers=1))
    scope = "decoder.layers.0.cross_attention"
    step = trace[f"{scope}.value.d_weight"]
    assert step.formula == "d^T x, heads side by side, summed over all positions"
    assert step.of == (f"{scope}.d_value", "encoder.output")
    assert trace["encoder.d_output"].of == (f"{scope}.d_memory",)
    assert "d_masked" in trace.table("*self_attention.d_*")


def test_a_replaced_gradient_goes_on() -> None:
    """Such as one that is cut off: nothing before it learns from this way."""
    config = small_config(encoder_layers=1, decoder_layers=1)
    trace = Trace(replace={"decoder.layers.0.cross_attention.d_memory": np.zeros_like})
    _, result, _ = backward(config, trace=trace)
    assert not result.weights["encoder.norm.weight"].any()
    assert result.weights["decoder.layers.0.cross_attention.key.weight"].any()


def test_a_step_down_the_gradient_lowers_the_loss() -> None:
    config = small_config(encoder_layers=1, decoder_layers=1)
    weights, (source, target, labels) = random_weights(config), random_batch(config)
    losses, state = [], None
    for _ in range(4):
        loss, by_name = gradients(config, weights, source, target, labels=labels)
        weights, state = adamw_step(weights, by_name, state, learning_rate=0.01)
        losses.append(loss)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]


def test_a_replaced_value_is_refused() -> None:
    trace = Trace(replace={"*.weights": lambda weights: weights / 2})
    with pytest.raises(TraceError, match=r"encoder.layers.0.self_attention.weights' was replaced"):
        backward(small_config(), trace=trace)


def test_models_without_a_vocabulary_are_refused() -> None:
    ids = np.array([[3, 4]])
    config = small_config(encoder_layers=0, output=OutputConfig(matrix=False, tied=False))
    with pytest.raises(ConfigError, match="this model has no output matrix"):
        gradients(config, random_weights(config), None, ids, labels=ids)
    patches = PatchConfig(height=2, width=2, image_height=4, image_width=4)
    config = small_config(
        decoder_layers=0, tied_embeddings=False, scale_embedding=False, patches=patches
    )
    with pytest.raises(ConfigError, match="this model reads images"):
        gradients(config, random_weights(config), labels=ids)


def test_labels_of_another_length_are_refused() -> None:
    config = small_config(encoder_layers=0)
    with pytest.raises(ShapeError, match="one for each row of logits"):
        gradients(config, random_weights(config), None, np.array([[3, 4]]), labels=np.array([[3]]))
