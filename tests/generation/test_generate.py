"""Generation for a batch, for a stream, and over the engine of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.generation.generate import generate, stream
from clearhead.generation.settings import GenerationSettings
from tests.engine.engines import engine_of
from tests.generation.transformers_models import (
    END,
    TransformersEngine,
    model_of,
    transformers_tokens,
)

PROMPTS = [[5], [9, 8, 7, 6], [3, 4, 11], [20, 21, 3]]
ENDS = tuple(range(2, 61, 4))  # so many that some sequences end early


@pytest.fixture(scope="module")
def prompts_engine():
    return TransformersEngine(model_of("gpt2"))


@pytest.fixture(scope="module")
def sources_engine():
    return TransformersEngine(model_of("marian"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_beams": 3, "num_return_sequences": 2, "early_stopping": True},
        {"num_beams": 3, "early_stopping": "never", "repetition_penalty": 1.3},
        {"do_sample": True, "num_return_sequences": 3, "top_p": 0.9},
        {"do_sample": True, "num_beams": 2},
    ],
)
def test_neighbours_do_not_matter(prompts_engine, changes):
    settings = GenerationSettings.of(eos_token_id=ENDS, max_new_tokens=8, seed=1, **changes)
    together = generate(prompts_engine, PROMPTS, settings)
    alone = [generate(prompts_engine, [prompt], settings)[0] for prompt in PROMPTS]
    assert together == alone
    assert len({len(results[0].ids) for results in together}) > 1  # some end before others


def test_what_is_finished_leaves_the_batch(prompts_engine):
    settings = GenerationSettings(eos_token_id=ENDS, max_new_tokens=8)
    prompts_engine.rows.clear()
    results = generate(prompts_engine, PROMPTS, settings)
    lengths = [len(one.ids) for (one,) in results]
    assert prompts_engine.rows == [
        sum(n >= step for n in lengths) for step in range(1, max(lengths) + 1)
    ]


def test_log_probabilities_are_the_models_own(prompts_engine):
    settings = GenerationSettings.of(
        eos_token_id=ENDS, max_new_tokens=5, repetition_penalty=3.0, suppress_tokens=[1],
        num_beams=2, length_penalty=0.5,
    )  # fmt: skip
    for changes in ({}, {"num_beams": 1}, {"num_beams": 1, "do_sample": True, "seed": 0}):
        ((result,),) = generate(
            prompts_engine, [PROMPTS[1]], GenerationSettings.of(settings, **changes)
        )
        ids = [*PROMPTS[1], *result.ids]
        for place, log_prob in enumerate(result.token_log_probs):
            before = ids[: len(PROMPTS[1]) + place]
            decoding = prompts_engine.begin([before[:-1]])
            row = decoding.advance(np.array(before[-1:]), np.array([0]))[0]
            assert log_prob == pytest.approx(row[result.ids[place]], abs=1e-5)
        assert result.log_prob == pytest.approx(sum(result.token_log_probs))
        if "num_beams" in changes:
            assert result.score == pytest.approx(result.log_prob, rel=1e-5)


def test_reasons_and_content(prompts_engine):
    settings = GenerationSettings(max_new_tokens=3)
    ((free,),) = generate(prompts_engine, [[5]], settings)
    assert (free.reason, len(free.ids), free.content) == ("length", 3, free.ids)
    settings = GenerationSettings.of(settings, eos_token_id=free.ids[1])
    ((short,),) = generate(prompts_engine, [[5]], settings)
    place = free.ids.index(free.ids[1])
    assert (short.reason, short.ids, short.content) == (
        "end", free.ids[: place + 1], free.ids[:place],
    )  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"do_sample": True, "seed": 3}])
def test_a_stream_hands_out_the_same_tokens_as_they_come(prompts_engine, changes):
    settings = GenerationSettings.of(eos_token_id=ENDS, max_new_tokens=6, **changes)
    for prompt in PROMPTS:
        ((result,),) = generate(prompts_engine, [prompt], settings)
        prompts_engine.rows.clear()
        tokens = stream(prompts_engine, prompt, settings)
        assert prompts_engine.rows == []
        first = next(tokens)
        assert prompts_engine.rows == [1]  # one step for one token
        tokens = [first, *tokens]
        assert tuple(token.id for token in tokens) == result.ids
        assert tuple(token.log_prob for token in tokens) == result.token_log_probs
        assert [token.reason for token in tokens] == [None] * (len(tokens) - 1) + [result.reason]


def test_tokens_are_handed_out_for_the_first_sample_of_each_input(sources_engine):
    settings = GenerationSettings.of(
        eos_token_id=END, max_new_tokens=5, do_sample=True, num_return_sequences=2, seed=0,
        decoder_start_token_id=0,
    )  # fmt: skip
    arrivals: list[list[int]] = [[], []]
    results = generate(
        sources_engine, [[5, 6, END], [7, END]], settings, has_encoder=True,
        on_token=lambda number, token: arrivals[number].append(token.id),
    )  # fmt: skip
    assert [tuple(ids) for ids in arrivals] == [samples[0].ids for samples in results]


def test_decoders_may_begin_with_several_tokens_of_any_number(sources_engine):
    settings = GenerationSettings.of(eos_token_id=END, max_new_tokens=5, num_beams=2)
    sources, starts = [[5, 6, END], [7, END], [8, END]], [[0, 9, 4], [0], [0, 3, 5]]
    results = generate(sources_engine, sources, settings, has_encoder=True, starts=starts)
    import torch

    for source, start, (result,) in zip(sources, starts, results, strict=True):
        model = sources_engine.model
        theirs = model.generate(
            torch.tensor([source]), decoder_input_ids=torch.tensor([start]), num_beams=2,
            max_new_tokens=5, eos_token_id=END, forced_eos_token_id=None,
        )[0].tolist()  # fmt: skip
        assert result.ids == tuple(theirs[len(start) :])


def test_repetition_penalty_of_logits_needs_logits(prompts_engine):
    """The penalty divides a logit and multiplies another, so a shift of all of them matters."""
    settings = {"repetition_penalty": 1.5, "max_new_tokens": 8, "eos_token_id": END}
    for prompt in PROMPTS:
        (expected,), _ = transformers_tokens(prompts_engine.model, prompt, **settings)
        ((result,),) = generate(prompts_engine, [prompt], GenerationSettings.of(**settings))
        assert result.ids == expected
        with pytest.raises(ConfigError, match="gives log-probabilities alone"):
            generate(_WithoutLogits(prompts_engine), [prompt], GenerationSettings.of(**settings))


class _WithoutLogits:
    """An engine whose decoding has `advance` alone."""

    def __init__(self, engine) -> None:
        self.engine, self.vocab_size = engine, engine.vocab_size

    def begin(self, sources):
        decoding = self.engine.begin(sources)

        class Decoding:
            def advance(self, tokens, parents):
                return decoding.advance(tokens, parents)

        return Decoding()


@pytest.mark.parametrize("changes", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 5}])
def test_log_probabilities_alone_will_do_where_no_logit_is_penalized(prompts_engine, changes):
    settings = GenerationSettings.of(eos_token_id=ENDS, max_new_tokens=6, **changes)
    for_logits = generate(prompts_engine, PROMPTS, settings)
    without = generate(_WithoutLogits(prompts_engine), PROMPTS, settings)
    assert [[one.ids for one in results] for results in without] == [
        [one.ids for one in results] for results in for_logits
    ]


def test_a_fresh_seed_each_time_unless_there_is_one(prompts_engine):
    settings = GenerationSettings(do_sample=True, max_new_tokens=20)
    tokens = {generate(prompts_engine, [[5]], settings)[0][0].ids for _ in range(3)}
    assert len(tokens) > 1


@pytest.mark.parametrize("encoder_layers", [0, 1])
@pytest.mark.parametrize("changes", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 2}])
def test_the_engine_of_the_reference(encoder_layers, changes):
    engine = engine_of(encoder_layers=encoder_layers, decoder_layers=1)
    config = engine.model.config
    settings = GenerationSettings.of(
        max_new_tokens=6,
        decoder_start_token_id=config.start_id,
        eos_token_id=config.end_id,
        **changes,
    )
    inputs = [[5, 6, 7], [8], [9, 4, 6, 3, 8]]
    results = generate(engine, inputs, settings, has_encoder=bool(encoder_layers))
    for tokens, (result,) in zip(inputs, results, strict=True):
        source = np.array([tokens]) if encoder_layers else None
        start = [config.start_id] if encoder_layers else tokens
        ids = np.array([[*start, *result.ids]])
        expected = engine.model.log_probabilities(source, ids[:, :-1])[0, len(start) - 1 :]
        own = expected[np.arange(len(result.ids)), result.ids]
        np.testing.assert_allclose(result.token_log_probs, own, atol=1e-5)


def test_a_sequence_ends_where_the_model_has_no_more_positions():
    engine = engine_of(encoder_layers=0, positions="learned", max_length=7)
    ((result,),) = generate(engine, [[5, 6, 7]], positions=7)
    assert (len(result.ids), result.reason) == (5, "length")


@pytest.mark.parametrize("has_encoder", [False, True])
def test_no_inputs(has_encoder):
    settings = GenerationSettings(decoder_start_token_id=1)
    engine = engine_of(encoder_layers=int(has_encoder))
    assert generate(engine, [], settings, has_encoder=has_encoder) == []


def test_an_impossible_next_token_is_an_error(prompts_engine):
    everything = list(range(prompts_engine.vocab_size))
    for changes in ({}, {"num_beams": 2}, {"do_sample": True}, {"do_sample": True, "num_beams": 2}):
        settings = GenerationSettings.of(suppress_tokens=everything, **changes)
        with pytest.raises(ConfigError, match="leave no token possible"):
            generate(prompts_engine, [[5]], settings)


def test_scores_that_are_no_numbers_are_an_error():
    class Broken:
        vocab_size = 5

        def begin(self, sources):
            return self

        def advance(self, tokens, parents):
            return np.full((len(tokens), 5), np.nan)

    for changes in ({}, {"num_beams": 2}):
        with pytest.raises(ConfigError, match="are not numbers"):
            generate(Broken(), [[1]], GenerationSettings.of(**changes))
