"""Encoders with a head for labels: those of transformers, and a fresh one for other labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import clearhead as ch  # noqa: E402
from clearhead.pretrained.label_head import label_output, relabelled, with_labels  # noqa: E402
from clearhead.pretrained.reading import read_pretrained  # noqa: E402
from tests.pretrained.transformers_folders import change_config  # noqa: E402
from tests.training.initial.families import BERT, LABELS, random_model  # noqa: E402

KINDS = ("BERT", "RoBERTa", "XLM-RoBERTa", "DistilBERT")


@pytest.mark.parametrize("name", KINDS)
def test_logits_of_labels_are_those_of_transformers(tmp_path: Path, name: str) -> None:
    theirs = random_model(name)
    theirs.save_pretrained(tmp_path)
    ids = np.array([[7, 5, 9, 11, 6]])
    with torch.no_grad():
        expected = theirs(input_ids=torch.from_numpy(ids)).logits.numpy()
    model = ch.load(tmp_path, dtype="float64")
    assert model.tasks == {"classify", "embed"}
    assert model.source.labels == LABELS
    np.testing.assert_allclose(model.logits(ids)[:, 0], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "changes",
    [
        {"problem_type": "multi_label_classification"},
        {"problem_type": "regression"},
        {"architectures": ["BertForTokenClassification"]},
        {"architectures": ...},
        {"id2label": {"0": "a", "1": "a", "2": "b"}},
    ],
)
def test_heads_for_something_else_are_not_read(tmp_path: Path, changes: dict[str, Any]) -> None:
    random_model("BERT").save_pretrained(tmp_path)
    change_config(tmp_path, changes)
    source = read_pretrained(tmp_path)
    assert (source.tasks, source.labels) == ({"embed"}, ())


@pytest.mark.parametrize("name", KINDS)
def test_other_labels_get_a_fresh_matrix(tmp_path: Path, name: str) -> None:
    """The layer before the matrix is the files'; the same labels have the files' matrix, too."""
    random_model(name).save_pretrained(tmp_path)
    source = read_pretrained(tmp_path)
    assert relabelled(source, LABELS).fresh == ()
    for labels in (("a", "b", "c"), ("d", "e", "f"), ("yes", "no")):
        other = relabelled(source, labels)
        assert other.fresh == ("output.weight", "output.bias")
        assert other.model.labels == labels
        assert "output_transform.weight" in other.model.weights
        assert other.model.config.output == label_output(source.family.label_head, len(labels))


def test_a_pretrained_encoder_gets_a_whole_head(tmp_path: Path) -> None:
    """BERT was pretrained with a pooler, which its head for labels goes through."""
    for kind, fresh in (("BertForPreTraining", 2), ("BertForMaskedLM", 4)):
        folder = tmp_path / kind
        model_class = getattr(transformers, kind)
        sizes = {key: value for key, value in BERT.items() if key != "id2label"}
        model_class(transformers.BertConfig(**sizes)).save_pretrained(folder)
        source = read_pretrained(folder)
        assert "fill_mask" in source.tasks
        assert len(relabelled(source, ("no", "yes")).fresh) == fresh
        assert with_labels(source.config, source.family, 2).output.labels == 2
