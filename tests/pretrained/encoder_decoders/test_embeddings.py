from __future__ import annotations

import dataclasses
import itertools

import pytest

from clearhead.config import TransformerConfig
from clearhead.config_parts import OutputConfig
from clearhead.pretrained.encoder_decoders._embeddings import (
    OUTPUT,
    SHARED,
    SOURCE,
    TARGET,
    fit_embeddings,
    stored_embeddings,
)

TIED = TransformerConfig(vocab_size=9, d_model=4, num_heads=1)
UNTIED_OUTPUT = dataclasses.replace(TIED, output=OutputConfig(tied=False))
APART = dataclasses.replace(TIED, tied_embeddings=False, output=OutputConfig(tied=True))


def matrices(config, *names):
    """The tensors from which source, target and output are read, of a config that is fitted."""
    tensors = dict.fromkeys(names, (9, 4))
    config = fit_embeddings(config, tensors)
    places = stored_embeddings(config, tensors)
    ours = (config.embedding_name("source"), config.embedding_name("target"), config.output_name)
    assert set(places) == {f"{name}.weight" for name in ours}
    return [places[f"{name}.weight"].name for name in ours]


@pytest.mark.parametrize("name", [SHARED, SOURCE, TARGET, OUTPUT])
def test_one_matrix_stands_for_all_under_any_name(name):
    assert matrices(TIED, name) == [name] * 3


@pytest.mark.parametrize(
    ("config", "names", "places"),
    [
        (TIED, [SHARED, OUTPUT], [SHARED, SHARED, OUTPUT]),
        (TIED, [SHARED, SOURCE], [SOURCE, SHARED, SHARED]),
        (TIED, [SHARED, SOURCE, TARGET, OUTPUT], [SOURCE, TARGET, OUTPUT]),
        (UNTIED_OUTPUT, [SHARED, OUTPUT], [SHARED, SHARED, OUTPUT]),
        (UNTIED_OUTPUT, [SHARED, SOURCE, TARGET, OUTPUT], [SOURCE, TARGET, OUTPUT]),
        (APART, [SOURCE, TARGET], [SOURCE, TARGET, TARGET]),
        (APART, [SOURCE, OUTPUT], [SOURCE, OUTPUT, OUTPUT]),
        (APART, [SOURCE, TARGET, OUTPUT], [SOURCE, TARGET, OUTPUT]),
    ],
)
def test_what_is_stored_apart_is_read_apart(config, names, places):
    assert matrices(config, *names) == places


@pytest.mark.parametrize(
    ("config", "names", "missing"),
    [
        (TIED, [], SHARED),
        (UNTIED_OUTPUT, [SHARED], OUTPUT),
        (UNTIED_OUTPUT, [OUTPUT], SHARED),
        (APART, [TARGET], SOURCE),
        (APART, [SOURCE], OUTPUT),
    ],
)
def test_what_is_missing_is_asked_for_by_its_name(config, names, missing):
    assert missing in matrices(config, *names)


@pytest.mark.parametrize("config", [TIED, UNTIED_OUTPUT, APART])
def test_a_config_that_fits_is_left_as_it_is(config):
    names = [SHARED, SOURCE, TARGET, OUTPUT]
    for count in range(5):
        for stored in itertools.combinations(names, count):
            tensors = dict.fromkeys(stored, (9, 4))
            once = fit_embeddings(config, tensors)
            assert fit_embeddings(once, tensors) == once
