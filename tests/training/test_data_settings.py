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
