"""The languages that a model translates between, as its config.json states them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import ConfigError
from ...file_reading import FileProblem
from ...json_fields import Fields
from ...visible import quoted

_CODE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Languages:
    """A direction: ``Languages("en", "fr")`` is from English to French.

    Attributes:
        source, target: codes of ISO 639, as in ``en``, ``fr`` or ``pt-BR``.

    Raises:
        ConfigError: one of them is no such code.
    """

    source: str
    target: str

    def __post_init__(self) -> None:
        for side in ("source", "target"):
            check_code(side, getattr(self, side))

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"

    def to_dict(self) -> dict[str, str]:
        """Return the two as a config.json states them."""
        return {"source": self.source, "target": self.target}


def check_code(name: str, code: str) -> None:
    """Check a language code.

    Raises:
        ConfigError: it is not one; the message describes the form.
    """
    if not _CODE.fullmatch(code):
        raise ConfigError(
            f"{name} must be the code of a language, such as en, fr or pt-BR; it is {quoted(code)}."
        )


def read_languages(content: Fields) -> Languages | None:
    """Return the languages that a config.json states; None if it states none.

    Raises:
        FileProblem: they are no pair of codes.
    """
    if not content.has("languages"):
        return None
    pair = content.object("languages")
    pair.only(("source", "target"))
    try:
        return Languages(pair.text("source"), pair.text("target"))
    except ConfigError as error:
        raise FileProblem(f'in "languages", {str(error).rstrip(".")}') from error
