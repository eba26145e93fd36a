"""Pairs that a run leaves out by rules that need no model: lengths, copies, the wrong language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...corpora.filters import Candidate, is_wrong_language
from ...text.corpus import Pair
from .languages import check_languages, is_other_language

LENGTH_RATIO = "length ratio"
COPY = "copy"
WRONG_LANGUAGE = "wrong language"
FILTERS = (LENGTH_RATIO, COPY, WRONG_LANGUAGE)

_MOST_RATIO = 3.0
_SLACK = 12  # characters that one side may have more, whatever the ratio
_MOST_COPIED = 0.6
_FEWEST_WORDS = 4

Reason = Callable[[Pair], str | None]


def pair_filter(names: Sequence[str], languages: tuple[str | None, str | None]) -> Reason | None:
    """Return what gives the first reason to leave a pair out, or None to keep it.

    Args:
        names: of `FILTERS`; without one there is no filter.
        languages: codes of source and target, which the rules of wrong languages need.

    Raises:
        ConfigError: the rules do not know the languages.
        MissingExtraError: they need py3langid, which is not installed.
    """
    if not names:
        return None
    rules: dict[str, Callable[[Pair], bool]] = {LENGTH_RATIO: is_unequal, COPY: is_copy}
    if WRONG_LANGUAGE in names:
        rules[WRONG_LANGUAGE] = _wrong_language(languages)

    def reason(pair: Pair) -> str | None:
        return next((name for name in names if rules[name](pair)), None)

    return reason


def is_unequal(pair: Pair) -> bool:
    """Tell whether a side has more than 3 times the other's characters, and 12 more."""
    shorter, longer = sorted(map(len, pair))
    return longer > _MOST_RATIO * shorter + _SLACK


def is_copy(pair: Pair) -> bool:
    """Tell whether more than 60 % of the words of a side, of at least four, are the other's, too.

    Words that begin with a capital count as names, and not.
    """
    words, others = (
        {word for word in text.split() if word.isalpha() and word.islower()} for text in pair
    )
    fewest = min(len(words), len(others))
    if pair.source == pair.target:
        return len(pair.source.split()) >= _FEWEST_WORDS
    return fewest >= _FEWEST_WORDS and len(words & others) > _MOST_COPIED * fewest


def _wrong_language(languages: tuple[str | None, str | None]) -> Callable[[Pair], bool]:
    """Return the rule for two languages: English and French are known by their frequent words."""
    if languages == ("en", "fr"):
        return lambda pair: is_wrong_language(Candidate.of(pair, is_sentence=True))
    if languages == ("fr", "en"):
        return lambda pair: is_wrong_language(
            Candidate.of(Pair(pair.target, pair.source), is_sentence=True)
        )
    check_languages(languages)
    source, target = map(str, languages)
    return lambda pair: (
        is_other_language(pair.source, source) or is_other_language(pair.target, target)
    )
