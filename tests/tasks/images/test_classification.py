from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.tasks.images.classification import classify

LOGITS = np.array([[1.0, 3.0, 2.0], [0.0, -1000.0, 1000.0]])
NAMES = ("cat", "dog", "cow")


def test_labels_that_exclude_each_other_share_one():
    first, second = classify(LOGITS, NAMES, {}, top=2)
    assert [one.name for one in first.labels] == ["dog", "cow"]
    assert [one.label_id for one in first.labels] == [1, 2]
    assert first.labels[0].probability == pytest.approx(np.exp(3) / np.exp([1, 2, 3]).sum())
    assert first.labels[0].logit == 3.0
    assert (first.name, second.name) == ("dog", "cow")
    assert repr(first) == "dog 0.665, cow 0.245"


@pytest.mark.parametrize(
    ("names", "settings"),
    [(NAMES, {"problem_type": "multi_label_classification"}), (("cat",), {})],
)
def test_labels_that_stand_by_themselves_have_a_probability_each(names, settings):
    for row in classify(LOGITS[:, : len(names)], names, settings):
        for one in row.labels:
            assert one.probability == pytest.approx(1 / (1 + np.exp(min(-one.logit, 700))))


def test_more_than_there_are_is_all_of_them():
    assert len(classify(LOGITS, NAMES, {}, top=9)[0].labels) == 3


@pytest.mark.parametrize("top", [0, True, 1.5])
def test_a_number_that_is_none_is_refused(top):
    with pytest.raises(ConfigError, match="top must be a whole number, 1 or more"):
        classify(LOGITS, NAMES, {}, top=top)


def test_estimates_are_no_labels():
    with pytest.raises(ConfigError, match="problem_type is regression"):
        classify(LOGITS, NAMES, {"problem_type": "regression"})
