"""A logit is the sum of what the parts of the last stack add to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import clearhead
from clearhead.config_parts import OutputConfig
from clearhead.errors import ConfigError, ShapeError
from clearhead.lens.attribution import attribute_logit
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import configs, random_ids, random_weights, small_config, wide_configs


def sides(config, rng, length=5):
    source = random_ids(rng, config, 2, length) if config.encoder_layers else None
    target = random_ids(rng, config, 2, length) if config.decoder_layers else None
    return source, target


@given(
    st.one_of(configs(), wide_configs()), st.integers(0, 4), st.integers(0, 7), st.integers(0, 1)
)
def test_the_sum_closes_for_any_model(config, position, token, row):
    assume(config.output.transform is None)
    model = Transformer(config, random_weights(config))
    source, target = sides(config, np.random.default_rng(1))
    logits = model.forward(source, target)
    attribution = attribute_logit(model, source, target, token=token, position=position, row=row)
    if config.output.softcap is None:
        assert attribution.logit == pytest.approx(logits[row, position, token], rel=1e-12)
    assert attribution.error < 1e-9
    heads = [summand for summand in attribution.summands if summand.kind == "head"]
    attentions = 2 if config.encoder_layers and config.decoder_layers else 1
    layers = config.decoder_layers or config.encoder_layers
    stack = "decoder" if config.decoder_layers else "encoder"
    assert len(heads) == layers * attentions * config.of_stack(stack).num_heads


def test_a_summand_is_what_the_head_added_to_the_stream():
    """With the last norm's statistics held, a head's output times the output matrix is its share.

    Written the other way round than the attribution: forward from the head to the logit.
    """
    config = small_config(encoder_layers=0, norm="rms", positions="rotary", bias=False)
    weights = random_weights(config)
    model = Transformer(config, weights)
    ids = random_ids(np.random.default_rng(0), config, 1, 6)
    trace = Trace()
    model.forward(None, ids, trace=trace)
    attribution = attribute_logit(model, None, ids, token=7, position=3)
    for layer in range(2):
        path = f"decoder.layers.{layer}.self_attention"
        for head in range(4):
            columns = slice(4 * head, 4 * head + 4)
            output = trace[f"{path}.output"].value[0, head, 3]
            added = output @ weights[f"{path}.output.weight"][:, columns].T
            scale = np.sqrt(trace["decoder.norm.mean_square"].value[0, 3, 0] + config.norm_epsilon)
            share = (added / scale * weights["decoder.norm.weight"]) @ weights["embedding.weight"][
                7
            ]
            (summand,) = (
                one for one in attribution.summands if (one.path, one.head) == (path, head)
            )
            assert summand.value == pytest.approx(share, rel=1e-10)


def test_the_likeliest_token_and_the_last_position_unless_others_are_given():
    config = small_config(encoder_layers=0)
    model = Transformer(config, random_weights(config))
    ids = random_ids(np.random.default_rng(0), config, 1, 6)
    attribution = attribute_logit(model, None, ids)
    logits = model.forward(None, ids)[0, -1]
    assert (attribution.position, attribution.token) == (5, logits.argmax())


def test_the_table_shows_the_largest_first():
    config = small_config(encoder_layers=0)
    model = Transformer(config, random_weights(config))
    ids = random_ids(np.random.default_rng(0), config, 1, 6)
    attribution = attribute_logit(model, None, ids, token=3)
    sizes = [abs(summand.value) for summand in attribution.largest()]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == 10
    assert f"Logit of token 3 after position 5: {attribution.logit:.6f}" in repr(attribution)
    assert f"and {len(attribution.summands) - 10} more" in repr(attribution)
    assert attribution.largest(1)[0].name in repr(attribution)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": 6}, "position must be from -6 to 5 here; it is 6"),
        ({"token": 29}, "token must be from -29 to 28 here; it is 29"),
    ],
)
def test_what_is_not_there_is_refused(options, message):
    config = small_config(encoder_layers=0)
    model = Transformer(config, random_weights(config))
    ids = random_ids(np.random.default_rng(0), config, 1, 6)
    with pytest.raises(ShapeError, match=message):
        attribute_logit(model, None, ids, **options)


def test_a_head_for_masked_words_makes_no_sum():
    config = small_config(decoder_layers=0, output=OutputConfig(transform="gelu", bias=True))
    model = Transformer(config, random_weights(config))
    ids = random_ids(np.random.default_rng(0), config, 1, 6)
    with pytest.raises(ConfigError, match="a logit is no sum"):
        attribute_logit(model, ids)


def test_with_edits_of_the_parts_it_closes_and_of_the_sum_itself_it_is_refused():
    config = small_config(encoder_layers=0)
    model = Transformer(config, random_weights(config))
    ids = random_ids(np.random.default_rng(0), config, 1, 6)
    plain = attribute_logit(model, None, ids, token=7)
    with clearhead.intervene(model) as edits:
        edits["decoder.layers.1.self_attention"].head(2).zero()
        edits["decoder.layers.0.feed_forward"].output.scale(2.0)
        edited = attribute_logit(model, None, ids, token=7)
        assert edited.error < 1e-9
        assert [one.value for one in edited.summands if (one.layer, one.head) == (1, 2)] == [0]
        assert abs(edited.logit - plain.logit) > 1e-6
        edits["decoder.layers.0"].output.scale(1.5)
        with pytest.raises(ConfigError, match="no sum of what the parts add: they leave"):
            attribute_logit(model, None, ids, token=7)
