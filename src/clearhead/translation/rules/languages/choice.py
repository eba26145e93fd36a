"""The languages of a model, and the rules that are known of them."""

from __future__ import annotations

from ...directions.languages import Languages
from .english import ENGLISH
from .french import FRENCH
from .language import NEUTRAL, Language

_LANGUAGES = {"en": ENGLISH, "fr": FRENCH}


def language_of(code: str) -> Language:
    """Return what the rules know of a language; of ``fr-CA`` what they know of ``fr``."""
    return _LANGUAGES.get(code.replace("_", "-").partition("-")[0], NEUTRAL)


def source_and_target(languages: Languages | None) -> tuple[Language, Language]:
    """Return what the rules know of a model's two languages.

    Models have stated their languages since there are rules for several. One that states none is
    read by those of English, as all were before, and nothing is known of its target.
    """
    if languages is None:
        return ENGLISH, NEUTRAL
    return language_of(languages.source), language_of(languages.target)
