"""The shape of a run's model is that of the one it begins from; what is stated must agree."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from clearhead.config import TransformerConfig
from clearhead.config_parts import AttentionConfig
from clearhead.errors import CheckpointError, ConfigError
from clearhead.training.initial.agreement import by_name, check_origin, run_config
from clearhead.training.initial.origin import Origin
from clearhead.training.settings import Settings

OURS = TransformerConfig(
    vocab_size=300, d_model=32, num_heads=2, encoder_layers=2, decoder_layers=1,
    feed_forward_dim=24, max_length=40, dropout=0.3, attention=AttentionConfig(scale=0.5),
)  # fmt: skip


def settings_of(model: dict[str, Any]) -> Settings:
    return Settings.from_dict(
        {
            "data": {"corpus": [{"path": "a.tsv"}], "development": "b.tsv"},
            "model": model,
            "training": {"initial": "it"},
        }
    )


def test_what_is_not_stated_is_as_it_is_there() -> None:
    origin = Origin("it", Path("it"), OURS)
    assert run_config(settings_of({}), origin, 300) == OURS
    assert run_config(settings_of({"dropout": 0.0, "d_model": 32}), origin, 300) == (
        dataclasses.replace(OURS, dropout=0.0)
    )
    same = {"attention": {"scale": 0.5}}
    assert run_config(settings_of(same), origin, 300) == OURS


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"d_model": 64}, r"it has model\.d_model = 32 and this run 64\. Set model\.d_model as"),
        ({"attention": {"scale": 0.4}}, r"model\.attention\.scale = 0\.5 and this run 0\.4"),
    ],
)
def test_what_is_stated_otherwise_is_refused_with_both(model: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        run_config(settings_of(model), Origin("it", Path("it"), OURS), 300)
    with pytest.raises(ConfigError, match="Unknown"):
        run_config(settings_of({"width": 3}), Origin("it", Path("it"), OURS), 300)


def test_a_model_of_ours_may_grow() -> None:
    origin = Origin("it", Path("it"), OURS)
    config = run_config(settings_of({"encoder_layers": 3, "max_length": 50}), origin, 300)
    check_origin(origin, config)
    fewer = run_config(settings_of({"encoder_layers": 1}), origin, 300)
    with pytest.raises(CheckpointError, match=r"do not fit this model: .* not shrink"):
        check_origin(origin, fewer)


def test_settings_of_parts_have_full_names() -> None:
    assert by_name(OURS)["attention.scale"] == 0.5
    assert by_name(OURS)["dropout"] == 0.3
