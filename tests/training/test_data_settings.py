"""The settings of the data: what they refuse by themselves."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.training.data_settings import CorpusSettings, DataSettings


def test_what_one_text_is():
    assert DataSettings().unit is None
    assert DataSettings(unit="line").unit == "line"
    with pytest.raises(ConfigError, match=r"unit must be one of line, paragraph, file"):
        DataSettings(unit="word")


def test_a_path_is_no_blank_text():
    with pytest.raises(ConfigError, match=r"path must be a text that is not blank"):
        CorpusSettings(path=" ")


def test_columns_are_named_with_their_file():
    row = CorpusSettings(path="a.csv.gz", source_column="english", target_column="french")
    assert row.corpus == "csv:a.csv.gz:english:french"
    assert CorpusSettings(path="a.txt", source_column="2", target_column="4").corpus == (
        "tsv:a.txt:2:4"
    )
    assert CorpusSettings(path="a.csv").corpus == "a.csv"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"path": "a.csv", "source_column": "en"}, "names both of its columns or none"),
        ({"path": "a.en,a.fr", "source_column": "1", "target_column": "2"}, "is something else"),
        ({"path": "tsv:a:1:2", "source_column": "1", "target_column": "2"}, "is something else"),
        ({"path": "a", "source_column": "e:n", "target_column": "2"}, "has a colon"),
    ],
)
def test_columns_of_what_has_none_are_refused(row, words):
    with pytest.raises(ConfigError, match=words):
        CorpusSettings(**row)
