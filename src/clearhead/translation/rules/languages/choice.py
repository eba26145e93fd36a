"""Selects the rules for the languages of a model."""

from __future__ import annotations

from ...directions.languages import Languages
from .english import ENGLISH
from .french import FRENCH
from .language import NEUTRAL, Language

_LANGUAGES = {"en": ENGLISH, "fr": FRENCH}


def language_of(code: str) -> Language:
    """Return the rules of a language; those of ``fr`` for ``fr-CA``."""
    return _LANGUAGES.get(code.replace("_", "-").partition("-")[0], NEUTRAL)


def source_and_target(languages: Languages | None) -> tuple[Language, Language]:
    """Return the rules of a model's two languages.

    Models state their languages since there are rules for several. One that states none is read
    with the rules of English, as all were before, and with none for its target.
    """
    if languages is None:
        return ENGLISH, NEUTRAL
    return language_of(languages.source), language_of(languages.target)
