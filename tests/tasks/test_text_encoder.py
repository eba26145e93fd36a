"""Encoders on ids: what they refuse, and that nothing beside a text changes its numbers."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.engine.products import INDEPENDENT_ROWS
from clearhead.errors import CheckpointError, ConfigError, ShapeError
from clearhead.reference.products import PLAIN, Products
from clearhead.reference.tracing.trace import Trace
from clearhead.tasks.text_encoder import TextEncoder
from tests.pretrained.encoders.comparing import encoder_of, transformers
from tests.tasks.small_models import BERT_VOCAB, LONGEST, bert_folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    bert_folder(folder)
    return encoder_of(folder, "float32")


IDS = np.array([[2, 5, 6, 7, 3], [2, 9, 3, 0, 0]])


def test_without_a_mask_padding_is_what_has_its_id(encoder):
    np.testing.assert_array_equal(encoder.hidden(IDS), encoder.hidden(IDS, mask=IDS != 0))
    assert (encoder.hidden(IDS) != encoder.hidden(IDS, mask=np.ones((2, 5), bool)))[1].any()


def test_no_row_depends_on_the_rows_beside_it(encoder):
    together = encoder.independent.encode(IDS).output
    np.testing.assert_allclose(together, encoder.hidden(IDS), rtol=0, atol=1e-5)
    for row in range(2):
        alone = encoder.independent.encode(IDS[row : row + 1]).output
        np.testing.assert_array_equal(alone[0], together[row])


def test_token_types_count(encoder):
    types = np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]])
    hidden, plain = encoder.hidden(IDS, token_types=types), encoder.hidden(IDS)
    assert np.abs(hidden - plain)[0].max() > 0.01
    np.testing.assert_array_equal(hidden[1], plain[1])


def test_every_step_can_be_traced(encoder):
    trace = Trace()
    logits = encoder.logits(IDS, trace=trace)
    np.testing.assert_array_equal(trace["logits"].value, logits)
    assert trace["encoder.layers.1.self_attention.weights"].value.shape == (2, 3, 5, 5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"ids": [1, 2]}, "ids must be whole numbers of shape"),
        ({"ids": [[0.5]]}, "ids must be whole numbers"),
        ({"ids": np.zeros((1, 0), int)}, "length of at least 1"),
        ({"ids": IDS, "mask": IDS}, "mask must be True where a position is real"),
        ({"ids": IDS, "mask": IDS[:1] > 0}, "mask must have the shape of ids"),
        ({"ids": IDS, "token_types": IDS[:1]}, "token_types must have the shape"),
        ({"ids": IDS, "token_types": IDS}, "between 0 and 1"),
        ({"ids": [[len(BERT_VOCAB)]]}, "and this model's ids are 0 to"),
        ({"ids": np.ones((1, LONGEST + 1), int)}, "this model reads at most 16"),
    ],
)
def test_what_does_not_fit(encoder, arguments, words):
    with pytest.raises((ShapeError, ConfigError), match=words):
        encoder.hidden(**arguments)


def test_a_model_without_the_head_has_no_logits(tmp_path):
    bert_folder(tmp_path, "BertModel")
    with pytest.raises(CheckpointError, match="no head for masked words"):
        encoder_of(tmp_path).logits(IDS)


def test_other_products_give_the_same_numbers(encoder):
    other = TextEncoder.of(encoder.pretrained, products=INDEPENDENT_ROWS)
    np.testing.assert_allclose(other.logits(IDS), encoder.logits(IDS), rtol=0, atol=1e-5)


def test_the_output_matrix_is_prepared_only_for_logits(encoder):
    shapes = []

    def by_weight(weight):
        shapes.append(weight.shape)
        return PLAIN.by_weight(weight)

    counting = TextEncoder.of(encoder.pretrained, products=Products(by_weight))
    assert not shapes
    counting.hidden(IDS)
    assert shapes == [(72, 24), (24, 24), (17, 24), (24, 17)] * 2
    counting.logits(IDS)
    assert shapes[8:] == [(24, 24), (len(BERT_VOCAB), 24)]


def test_a_model_with_a_decoder_is_refused(tmp_path):
    config = transformers.GPT2Config(vocab_size=9, n_embd=8, n_layer=1, n_head=2, n_positions=6)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="is a GPT-2, which has a decoder"):
        encoder_of(tmp_path)
