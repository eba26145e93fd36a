"""Which family of transformers computes a model of ours, and that no other is taken for it."""

from __future__ import annotations

import pytest

from clearhead.config_parts import AttentionConfig
from clearhead.errors import ConfigError
from clearhead.export.destinations import destination_of
from clearhead.json_fields import Fields
from tests.export.models import FAMILIES, config_of


@pytest.mark.parametrize("name", FAMILIES)
def test_the_family_reads_back_what_is_written(name):
    destination = destination_of(config_of(name))
    assert destination.family.name == name
    again = destination.family.read_config(Fields(destination.settings, "config.json"))
    for part in ("d_model", "num_heads", "key_value_heads", "head_dim", "activation", "end_id"):
        assert getattr(again, part) == getattr(destination.config, part)


@pytest.mark.parametrize(
    ("name", "changes", "differing"),
    [
        ("PEGASUS", {"positions": "alibi"}, "PEGASUS has other positions"),
        ("Marian", {"norm": "rms"}, "Marian has other norm"),
        ("Llama", {"attention": AttentionConfig(softcap=5.0)}, "Llama has other attention"),
        ("GPT-2", {"attention": AttentionConfig(windows=(3,))}, "GPT-2 has other attention"),
    ],
)
def test_what_no_family_computes_is_refused_with_the_difference(name, changes, differing):
    with pytest.raises(ConfigError, match="No family of transformers") as error:
        destination_of(config_of(name, **changes))
    assert differing in str(error.value)
