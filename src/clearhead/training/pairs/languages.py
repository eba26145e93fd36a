"""Language identification by py3langid, an optional extra: 139 languages, a model of 5 MB.

It is a naive Bayes classifier over byte sequences (Lui and Baldwin 2012, "langid.py: An
Off-the-shelf Language Identification Tool"), whose probabilities py3langid tempers by the length of
the text. Its file is an archive of arrays; nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ...errors import ConfigError, require

_LEAST = 0.5  # least probability of another language to judge a text
_MOST_OF_OWN = 0.1  # most probability of the right language, relative to the other's
_NO_LANGUAGE = "zxx"  # numbers, markup, names of files
_SAME = {"nb": "no"}  # codes of the same language


def check_languages(codes: tuple[str | None, str | None]) -> None:
    """Check that py3langid knows the languages of a pair.

    Raises:
        MissingExtraError: py3langid is not installed.
        ConfigError: a language is not set, or py3langid does not know it.
    """
    names = ("data.source_language", "data.target_language")
    for name, code in zip(names, codes, strict=True):
        if code is None:
            raise ConfigError(
                f"data.filters has 'wrong language', which needs to know the right ones: set "
                f"{name} to a code such as en, de or pt."
            )
        if _main(code) not in _probabilities_of(""):
            every = ", ".join(sorted(_probabilities_of("").keys() - {_NO_LANGUAGE}))
            raise ConfigError(
                f"data.filters has 'wrong language', which does not know {name} = {code!r}. Leave "
                f"the filter out, or name a language that it knows: {every}."
            )


def is_other_language(text: str, code: str) -> bool:
    """Return whether a text is clearly in another language than expected.

    That is so if another language has a probability of at least 0.5 and more than ten times that of
    the right one. So languages that are hard to distinguish (Croatian and Bosnian, Danish and
    Norwegian) pass for each other, and texts of one or two words mostly pass.

    Args:
        text: a sentence.
        code: of the expected language, such as ``de`` or ``pt-BR``.
    """
    probabilities = _probabilities_of(text)
    first = max(probabilities, key=lambda language: probabilities[language])
    most = probabilities[first]
    own = probabilities[_main(code)]
    return first != _NO_LANGUAGE and most >= _LEAST and own < _MOST_OF_OWN * most


def _main(code: str) -> str:
    """Return the language of a code, without script and region."""
    language = code.replace("_", "-").split("-")[0]
    return _SAME.get(language, language)


def _probabilities_of(text: str) -> Mapping[str, float]:
    return dict(_identifier().rank(text))


@cache
def _identifier() -> Any:
    purpose = "The filter 'wrong language' of other languages than English and French"
    langid = require("py3langid", extra="languages", purpose=purpose).langid
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
