"""What is said to a pupil, in each language in which lessons are written."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigError
from ..visible import quoted

LANGUAGES = {"en": "English", "pt": "Portuguese"}


@dataclass(frozen=True)
class Text:
    """One thing said in each language; as a string it is the English one.

    Attributes:
        en: in English.
        pt: in the Portuguese of Brazil.
    """

    en: str
    pt: str

    def __str__(self) -> str:
        return self.en

    def __bool__(self) -> bool:
        return bool(self.en)

    def __add__(self, other: Text) -> Text:
        """Return both, one after the other with a blank between them; nothing adds nothing."""
        return Text(f"{self.en} {other.en}".strip(), f"{self.pt} {other.pt}".strip())

    def within(self, language: str) -> str:
        """Return it in one of `LANGUAGES`."""
        return {"en": self.en, "pt": self.pt}[language]


NOTHING = Text("", "")


def text(en: str, pt: str, **values: object) -> Text:
    """Return a text whose fields, {name} or {name:.2f}, are filled in with values.

    Args:
        en: in English.
        pt: in Portuguese, with the same fields.
        values: by the names of the fields; a `Text` is filled in with its own language. Without
            any, braces are braces.
    """
    if not values:
        return Text(en, pt)
    english = {name: str(one) if isinstance(one, Text) else one for name, one in values.items()}
    portuguese = {name: one.pt if isinstance(one, Text) else one for name, one in values.items()}
    return Text(en.format(**english), pt.format(**portuguese))


def check_language(language: str) -> None:
    """Refuse a language that lessons are not written in.

    Raises:
        ConfigError: it is none of `LANGUAGES`.
    """
    if language not in LANGUAGES:
        names = " or ".join(f"{code!r} ({name})" for code, name in LANGUAGES.items())
        raise ConfigError(f"Lessons speak {names}; there is no language {quoted(language)}.")
