"""Logits, differences of logits, and functions of a model's output."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.target import Target, logits_of, value_of  # noqa: E402
from clearhead.errors import ConfigError, ShapeError  # noqa: E402

LOGITS = torch.arange(24.0).reshape(2, 3, 4) ** 2


def test_a_target_is_the_mean_over_rows():
    assert float(Target(1)(LOGITS)) == float((LOGITS[0, -1, 1] + LOGITS[1, -1, 1]) / 2)
    each = Target([1, 2], [0, 3], 1)
    truth = (LOGITS[0, 1, 1] - LOGITS[0, 1, 0] + LOGITS[1, 1, 2] - LOGITS[1, 1, 3]) / 2
    assert float(each(LOGITS)) == float(truth)
    assert each.of_row(1) == (2, 3)
    assert Target(1).of_row(1) == (1, None)


def test_tokens_and_positions_that_are_not_there():
    with pytest.raises(ShapeError, match="one token, or one for each of the 2 rows; 3 came"):
        Target([1, 2, 3])(LOGITS)
    with pytest.raises(ShapeError, match="token must be from -4 to 3 here; it is 4"):
        Target(4)(LOGITS)
    with pytest.raises(ShapeError, match="position must be from -3 to 2 here; it is 3"):
        Target(1, position=3)(LOGITS)


def test_where_logits_are():
    for output in (LOGITS, {"logits": LOGITS}, SimpleNamespace(logits=LOGITS), (LOGITS, None)):
        assert logits_of(output) is LOGITS
    with pytest.raises(ConfigError, match="The model returned dict, which has no logits"):
        logits_of({"hidden": LOGITS})
    # Those of a whole text have one position.
    assert logits_of(LOGITS[:, 0]).shape == (2, 1, 4)
    with pytest.raises(ConfigError, match=r"the model's have the shape \[2\]"):
        logits_of(LOGITS[:, 0, 0])


def test_a_metric_is_one_number():
    assert float(value_of(lambda output: output.sum(), LOGITS)) == float(LOGITS.sum())
    with pytest.raises(ConfigError, match=r"this one gave a tensor \[2\] of torch.float32"):
        value_of(lambda output: output[:, 0, 0], LOGITS)
    with pytest.raises(ConfigError, match="this one gave float"):
        value_of(lambda output: float(output.sum()), LOGITS)
    with pytest.raises(ConfigError, match="a function of the model's output; got int"):
        value_of(5, LOGITS)
