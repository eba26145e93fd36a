"""The question after kinds of heads."""

from __future__ import annotations

from typing import get_args

import pytest

from clearhead.errors import ConfigError
from clearhead.explorer.contract.first_screen.head_kinds import (
    HeadKind,
    HeadKindsQuestion,
    HeadMeasure,
)
from clearhead.explorer.contract.reading import read_question


def test_a_part_is_asked_about() -> None:
    question = read_question(HeadKindsQuestion, {"run": {"text": "a"}, "part": "cross"})
    assert (question.part, question.layers, question.run.text) == ("cross", None, "a")
    with pytest.raises(ConfigError, match="part"):
        read_question(HeadKindsQuestion, {"run": {"text": "a"}})


def test_every_share_is_a_kind() -> None:
    shares = {*get_args(HeadMeasure.__value__)} - {"even"}
    assert {*get_args(HeadKind.__value__)} == {*shares, "broad", "mixed"}
