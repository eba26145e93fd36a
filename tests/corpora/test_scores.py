"""Files of scores, and what they say of a pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clearhead.corpora.scores import (
    agreement,
    header_line,
    least_score,
    read_scores,
    score_line,
)
from clearhead.errors import CorpusError

NONE = float("nan")


def write(path: Path, *lines: str, sha256: str = "ab") -> Path:
    header = header_line({"corpus_sha256": sha256})
    path.write_text("".join(f"{line}\n" for line in (header, *lines)))
    return path


def test_scores_come_back(tmp_path: Path) -> None:
    scores = [-1.5, NONE, -0.25]
    path = write(tmp_path / "s", *map(score_line, scores))
    np.testing.assert_array_equal(read_scores(path, "train.tsv", "ab"), np.float32(scores))


def test_what_is_no_file_of_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="There is no corpus file"):
        read_scores(tmp_path / "none", "train.tsv", "ab")
    (tmp_path / "other").write_text("A sentence.\n")
    with pytest.raises(CorpusError, match=r"no file of scores: it is not valid JSON"):
        read_scores(tmp_path / "other", "train.tsv", "ab")
    (tmp_path / "new").write_text('{"format": 2, "corpus_sha256": "ab"}\n')
    with pytest.raises(CorpusError, match="has format 2"):
        read_scores(tmp_path / "new", "train.tsv", "ab")
    path = write(tmp_path / "s", "-1.0", "much")
    with pytest.raises(CorpusError, match=r"s, line 3: expected a number or -, got 'much'"):
        read_scores(path, "train.tsv", "ab")
    with pytest.raises(CorpusError, match=r"another corpus than train\.tsv.*clearhead score"):
        read_scores(path, "train.tsv", "cd")


def test_two_models_agree() -> None:
    forward, backward = np.float32([-1, -1, -4]), np.float32([-1, -3, NONE])
    np.testing.assert_allclose(agreement([forward, backward]), [-1, -4, NONE])
    assert agreement([forward]) is forward


def test_the_best_share_has_a_least_score() -> None:
    scores = np.float32([-4, NONE, -1, -3, -2])
    assert least_score(scores, 0.5) == -2
    assert least_score(scores, 1.0) == -4
    assert least_score(scores, 0.01) == -1
    assert least_score(np.float32([NONE]), 0.5) == float("inf")
