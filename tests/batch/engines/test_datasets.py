"""`Translate` in ``map`` of the real Hugging Face datasets, also in processes, and its cache."""

from __future__ import annotations

import pytest

from clearhead.batch import Translate

datasets = pytest.importorskip("datasets", reason="pip install datasets")
arrow = pytest.importorskip("pyarrow", reason="pip install pyarrow")
TEXTS = ["the old house", "", "la maison by the river", "12:30", "the river"]


@pytest.mark.slow
def test_map_translates_and_knows_the_result_again(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # With a fingerprint of its own: some versions of dill cannot hash a table of Arrow.
    table = datasets.table.InMemoryTable(arrow.table({"text": [*TEXTS, None]}))
    data = datasets.Dataset(table, fingerprint="some-texts")
    translate = Translate(folder, max_length=6)
    expected = [*translate(TEXTS), None]
    result = data.map(translate, batched=True, batch_size=2)
    assert result["translation"][:] == expected
    fingerprint = result._fingerprint
    assert data.map(translate, batched=True, batch_size=2)._fingerprint == fingerprint
    other = Translate(folder, max_length=5)
    assert data.map(other, batched=True, batch_size=2)._fingerprint != fingerprint
    in_processes = data.map(Translate(folder, max_length=6), batched=True, num_proc=2)
    assert in_processes["translation"][:] == expected
