"""CTranslate2 gives the tokens that ours gives."""

from __future__ import annotations

import pytest

from clearhead.config_parts import AttentionConfig
from clearhead.errors import ConfigError
from clearhead.export.ctranslate2 import export_ctranslate2
from clearhead.export.verification import verify
from tests.export.models import FAMILIES, checkpoint_of

for package in ("ctranslate2", "torch", "transformers"):
    pytest.importorskip(package)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_tokens(name, tmp_path):
    checkpoint = checkpoint_of(name, attention=AttentionConfig())
    export_ctranslate2(checkpoint, tmp_path / "model")
    result = verify(checkpoint, tmp_path / "model", "ctranslate2", inputs=8, length=6)
    assert (result.equal, result.difference) == (8, None)
    assert (tmp_path / "model/tokenizer.json").exists()


def test_heads_of_a_width_of_their_own_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="4 of 6 beside a d_model of 16"):
        export_ctranslate2(checkpoint_of("Llama"), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
