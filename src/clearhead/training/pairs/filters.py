"""Rules that leave out pairs of a corpus: unequal lengths, copies, the wrong language."""

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
_SLACK = 12  # characters by which one side may be longer, whatever the ratio
_MOST_COPIED = 0.6
_FEWEST_WORDS = 4

Reason = Callable[[Pair], str | None]


def pair_filter(names: Sequence[str], languages: tuple[str | None, str | None]) -> Reason | None:
    """Return a function that gives the first reason to leave out a pair, or None to keep it.

    Without names there is no filter, and the result is None.

    Args:
        names: names of `FILTERS`, in the order to apply them.
        languages: codes of source and target, for the filter ``wrong language``.

    Raises:
        ConfigError: the filter ``wrong language`` does not know a language.
        MissingExtraError: the filter needs py3langid, which is not installed.
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
    """Return whether one side has more than 3 times the characters of the other plus 12."""
    shorter, longer = sorted(map(len, pair))
    return longer > _MOST_RATIO * shorter + _SLACK


def is_copy(pair: Pair) -> bool:
    """Return whether one side is mostly a copy of the other.

    That is so if more than 60 % of the distinct words of the side with fewer words, at least four,
    are on the other side, too. Only lower-case words count, since capitalised ones may be names.
    Equal texts of at least four words are copies, too.
    """
    words, others = (
        {word for word in text.split() if word.isalpha() and word.islower()} for text in pair
    )
    fewest = min(len(words), len(others))
    if pair.source == pair.target:
        return len(pair.source.split()) >= _FEWEST_WORDS
    return fewest >= _FEWEST_WORDS and len(words & others) > _MOST_COPIED * fewest


def _wrong_language(languages: tuple[str | None, str | None]) -> Callable[[Pair], bool]:
    """Return the rule for two languages; English and French are recognised by frequent words."""
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
