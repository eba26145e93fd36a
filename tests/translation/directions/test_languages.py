from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.translation.checkpoint import bundled_models, read_checkpoint
from clearhead.translation.directions.languages import Languages, check_code, read_languages


def read(content):
    return read_languages(Fields(content, "the file"))


@given(st.from_regex(r"[a-z]{2,3}", fullmatch=True), st.sampled_from(["fr", "pt-BR", "zh_Hant"]))
def test_what_is_written_is_read(source, target):
    languages = Languages(source, target)
    assert read({"languages": languages.to_dict()}) == languages
    assert str(languages) == f"{source}-{target}"


def test_a_model_may_state_none():
    assert read({}) is None
    assert read({"languages": None}) is None


@pytest.mark.parametrize("code", ["", "English", "EN", "e", "en fr", "en-", "../en"])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(ConfigError, match=r"^to must be the code of a language, such as en, fr"):
        check_code("to", code)


@pytest.mark.parametrize(
    ("languages", "reason"),
    [
        ("en-fr", "is a text, not an object"),
        ({"source": "en"}, "lacks 'target'"),
        ({"source": "en", "target": 4}, "is a whole number, not a text"),
        ({"source": "en", "target": "French"}, "target must be the code of a language"),
        ({"source": "en", "target": "fr", "pivot": "de"}, "has 'pivot'"),
    ],
)
def test_a_file_that_states_something_else_is_refused(languages, reason):
    with pytest.raises(FileProblem) as error:
        read({"languages": languages})
    assert reason in error.value.reason.replace('"', "'")


@pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
def test_the_bundled_model_states_its_languages():
    assert read_checkpoint("en-fr").languages == Languages("en", "fr")
