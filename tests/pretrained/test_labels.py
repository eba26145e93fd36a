from __future__ import annotations

import pytest

from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.pretrained.labels import label_names


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"id2label": {"1": "dog", "0": "cat"}, "num_labels": 5}, ("cat", "dog")),
        ({"id2label": {}}, ()),
        ({"id2label": None, "num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({}, ("LABEL_0", "LABEL_1")),
    ],
)
def test_names_stand_by_their_ids(config, names):
    assert label_names(Fields(config, "config.json")) == names


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"id2label": {"0": "cat", "2": "dog"}}, "its 2 labels are numbers from 0 on"),
        ({"id2label": {"0": 7}}, "'0': 7"),
        ({"id2label": ["cat"]}, "is a list, not an object"),
        ({"num_labels": -1}, "num_labels"),
    ],
)
def test_lists_that_are_none_are_refused(config, words):
    with pytest.raises(FileProblem, match=words):
        label_names(Fields(config, "config.json"))
