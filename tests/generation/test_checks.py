from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.generation.generate import generate, stream
from clearhead.generation.settings import GenerationSettings


class Untouched:
    vocab_size = 10

    def begin(self, sources):
        raise AssertionError("something was computed")


@pytest.mark.parametrize(
    ("inputs", "settings", "options", "message"),
    [
        ([[4], []], {}, {}, "The prompt 1 has no token"),
        ([[4, 10]], {}, {}, "The prompt 0 holds the token id 10; this model's ids are 0 to 9."),
        ([[4, -1]], {}, {}, "holds the token id -1"),
        ([[4]], {"forced_eos_token_id": [2, 11]}, {}, "eos_token_id holds the token id 11; this"),
        ([[4]], {"bad_words_ids": [[3, 12]]}, {}, "bad_words_ids holds the token id 12"),
        ([[4] * 9], {"max_length": 9}, {}, "has 9 tokens, and max_length is 9: nothing can follow"),
        ([[4] * 9], {}, {"positions": 8}, "has 9 tokens, and the model reads 8: nothing can"),
        ([[4]], {}, {"starts": [[1]]}, "starts are for models with an encoder"),
        ([[4]], {}, {"has_encoder": True}, "needs the first token of its decoder: set decoder"),
        ([[4]], {}, {"has_encoder": True, "starts": []}, "0 starts came for 1 sources."),
        ([[4]], {}, {"has_encoder": True, "starts": [[]]}, "The decoder start 0 has no token"),
        (
            [[4]],
            {"num_beams": 2, "eos_token_id": list(range(10))},
            {},
            "A beam needs more token ids than end tokens; the model has 10.",
        ),
    ],
)
def test_refused_before_anything_is_computed(inputs, settings, options, message):
    with pytest.raises(ConfigError) as error:
        generate(Untouched(), inputs, GenerationSettings.of(**settings), **options)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "settings", [{"num_beams": 2}, {"do_sample": True, "num_return_sequences": 2}]
)
def test_only_one_sequence_can_be_a_stream(settings):
    with pytest.raises(ConfigError, match="Only one sequence without a beam can be handed out"):
        stream(Untouched(), [4], GenerationSettings.of(**settings))
