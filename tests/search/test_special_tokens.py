from __future__ import annotations

from clearhead.config import TransformerConfig
from clearhead.search.special_tokens import SpecialTokens


def test_the_special_tokens_of_a_model_are_its_configs():
    config = TransformerConfig(vocab_size=20, pad_id=3, start_id=5, end_id=4)
    assert SpecialTokens.of(config) == SpecialTokens(pad_id=3, start_id=5, end_id=4)
