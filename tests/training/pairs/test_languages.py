"""Texts in another language than they should be, of any two languages; py3langid is an extra."""

from __future__ import annotations

import sys

import pytest

from clearhead.errors import ConfigError, MissingExtraError
from clearhead.text.corpus import Pair
from clearhead.training.pairs import languages
from clearhead.training.pairs.filters import WRONG_LANGUAGE, pair_filter


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    languages._identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid", None)
    with pytest.raises(MissingExtraError, match=r"'wrong language' .*clearhead\[languages\]"):
        pair_filter((WRONG_LANGUAGE,), ("de", "pt"))


@pytest.mark.parametrize(
    ("source", "target", "is_wrong"),
    [
        ("Die Kinder spielen im Garten vor dem Haus.", "As crianças brincam no jardim.", False),
        ("As crianças brincam no jardim.", "Die Kinder spielen im Garten vor dem Haus.", True),
        ("Die Kinder spielen im Garten.", "Les enfants jouent dans le jardin.", True),
        ("The children play in the garden.", "As crianças brincam no jardim.", True),
        ("Ja.", "Sim.", False),
        ("12:30", "12:30", False),
        ("Anna Karenina", "Anna Karenina", False),
    ],
)
def test_a_pair_with_a_side_of_another_language_is_left_out(
    source: str, target: str, is_wrong: bool
) -> None:
    pytest.importorskip("py3langid", reason='pip install "clearhead[languages]"')
    find = pair_filter((WRONG_LANGUAGE,), ("de", "pt-BR"))
    assert find is not None
    assert find(Pair(source, target)) == (WRONG_LANGUAGE if is_wrong else None)


def test_languages_that_are_hardly_told_apart_pass_for_each_other() -> None:
    pytest.importorskip("py3langid", reason='pip install "clearhead[languages]"')
    assert not languages.is_other_language("Hvor er det nærmeste apotek?", "nb")
    assert not languages.is_other_language("Djeca se igraju u bašti ispred kuće.", "sr")
    assert languages.is_other_language("Djeca se igraju u bašti ispred kuće.", "de")


def test_a_language_that_it_has_not_heard_of_is_refused() -> None:
    pytest.importorskip("py3langid", reason='pip install "clearhead[languages]"')
    with pytest.raises(ConfigError, match=r"does not know data\.target_language = 'tlh'.*af, am"):
        pair_filter((WRONG_LANGUAGE,), ("de", "tlh"))
    languages.check_languages(("zh_Hans", "nb"))
