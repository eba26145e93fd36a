"""A model without a tokenizer says why when one is asked for."""

from __future__ import annotations

import pytest

from clearhead.errors import CheckpointError
from clearhead.pretrained.reading import read_pretrained
from tests.pretrained import small_family


def test_a_tokenizer_that_is_not_there_is_an_error_with_its_reason(tmp_path, monkeypatch):
    small_family.use(monkeypatch)
    model = read_pretrained(small_family.write(tmp_path))
    assert model.tokenizer is None
    assert "no tokenizer that is read here" in model.no_tokenizer
    with pytest.raises(CheckpointError) as error_info:
        model.require_tokenizer()
    assert str(error_info.value) == model.no_tokenizer
