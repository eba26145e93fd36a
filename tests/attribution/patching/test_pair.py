"""What attribution patching needs of its two runs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.patching.pair import check_pair, difference  # noqa: E402
from clearhead.errors import ConfigError, ShapeError  # noqa: E402
from tests.attribution.models import linear_model  # noqa: E402

IDS = torch.tensor([[1, 2, 3]])


def test_pairs_have_equal_token_counts():
    check_pair(linear_model(), IDS, IDS + 1, "clean")
    with pytest.raises(ShapeError, match="so they need as many: input_ids"):
        check_pair(linear_model(), IDS, IDS[:, :2], "clean")
    with pytest.raises(ConfigError, match="'clean' or 'corrupted'; got 'both'"):
        check_pair(linear_model(), IDS, IDS, "both")


def test_differences_are_clean_less_corrupted():
    assert difference("a", [torch.ones(2) * 3], [torch.ones(2)])[0].tolist() == [2, 2]
    with pytest.raises(ConfigError, match=r"'a' computed tensors of the shapes \[\(2,\)\]"):
        difference("a", [torch.ones(2)], [torch.ones(3)])
