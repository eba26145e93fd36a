"""What is written for one text."""

from __future__ import annotations

import json

from clearhead.batch.output_lines import output_lines
from clearhead.translation.translation import Segment, Translation

PLAIN = {"as_json": False, "scores": False, "alignments": False}


def translation(*texts):
    others = tuple(Translation("a", (Segment("a", text, log_prob=-1.25),)) for text in texts)
    return others[0] if len(texts) == 1 else Translation("a", others[0].segments, others)


def test_columns_and_json():
    assert list(output_lines(3, translation("b"), **PLAIN)) == ["b"]
    assert list(output_lines(3, translation("b", "c"), **PLAIN)) == ["3\tb", "3\tc"]
    one = translation("b")
    (scored,) = output_lines(1, one, **{**PLAIN, "scores": True})
    assert scored == f"{one.score:.3f}\tb"
    (line,) = output_lines(1, translation("b", "c"), **{**PLAIN, "as_json": True})
    assert json.loads(line)["text"] == "b"
