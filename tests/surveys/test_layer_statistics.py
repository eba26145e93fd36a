"""The kind of a head over all texts, and attentions that are not the same one."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.head_kinds import scored_heads
from clearhead.surveys.layer_statistics import LayerStatistics
from tests.surveys.readings import layer_reading


def readings(count, heads=3, seed=1):
    random = np.random.default_rng(seed)
    return [layer_reading(random, heads) for _ in range(count)]


def test_the_kind_over_texts_is_that_of_their_sums():
    several = readings(9)
    found = LayerStatistics.of("a", several).scored()
    assert found == scored_heads(reduce(lambda a, b: a + b, (one.sums for one in several)))
    assert found[0].kind is not None


def test_another_attention_is_refused():
    with pytest.raises(ConfigError, match="'a' is self-attention of 3 heads in one text and self-"):
        LayerStatistics.of("a", [*readings(1), *readings(1, heads=2)])
    ours, theirs = (LayerStatistics.of("a", readings(1, heads)) for heads in (3, 2))
    with pytest.raises(ConfigError, match="of 3 heads in one survey, and self-attention of 2"):
        ours.merged("a", theirs)


def test_a_score_that_some_texts_lack_is_that_of_the_others():
    with_ids, without = readings(2)
    for name in ("duplicate", "induction"):
        del without.values[name], without.sums.totals[name], without.sums.counts[name]
    both = LayerStatistics.of("a", [with_ids, without])
    apart = LayerStatistics.of("a", [without]).merged("a", LayerStatistics.of("a", [with_ids]))
    assert both.to_dict() == apart.to_dict()
    score = with_ids.sums.scores()["duplicate"]
    assert [head.scores.get("duplicate") for head in both.scored()] == [
        None if np.isnan(one) else pytest.approx(one) for one in score
    ]
