from __future__ import annotations

import pytest

from clearhead.translation.directions.languages import Languages
from clearhead.translation.rules.languages.choice import language_of, source_and_target
from clearhead.translation.rules.languages.english import ENGLISH
from clearhead.translation.rules.languages.french import FRENCH
from clearhead.translation.rules.languages.language import NEUTRAL


@pytest.mark.parametrize(
    ("code", "language"),
    [("en", ENGLISH), ("en-GB", ENGLISH), ("fr", FRENCH), ("fr_CA", FRENCH), ("de", NEUTRAL),
     ("eng", NEUTRAL), ("frr", NEUTRAL)],
)  # fmt: skip
def test_a_code_names_a_language(code, language):
    assert language_of(code) is language


def test_a_model_is_read_by_its_own_languages():
    assert source_and_target(Languages("fr", "en")) == (FRENCH, ENGLISH)
    assert source_and_target(Languages("de", "fr")) == (NEUTRAL, FRENCH)


def test_a_model_that_states_none_is_read_as_all_were_before():
    assert source_and_target(None) == (ENGLISH, NEUTRAL)
