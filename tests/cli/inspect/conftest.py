"""Models of Hugging Face for the tests of `clearhead inspect`."""

from __future__ import annotations

import pytest

from tests.cli.inspect.hugging_face import write


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder of a model of a kind, written once."""
    root, folders = tmp_path_factory.mktemp("hugging_face"), {}

    def of(kind: str) -> str:
        if kind not in folders:
            folders[kind] = write(root / kind, kind)
        return folders[kind]

    return of


@pytest.fixture(scope="session")
def masked_folder(tmp_path_factory) -> str:
    """The folder of a BERT that fills masks."""
    transformers = pytest.importorskip("transformers")
    path = tmp_path_factory.mktemp("masked") / "bert"
    write(path, "bert")
    words = transformers.AutoTokenizer.from_pretrained(path)
    words.add_special_tokens({"mask_token": "[MASK]"})
    words.save_pretrained(path)
    config = transformers.BertConfig.from_pretrained(path)
    config.vocab_size = len(words)
    transformers.BertForMaskedLM(config).save_pretrained(path)
    return str(path)
