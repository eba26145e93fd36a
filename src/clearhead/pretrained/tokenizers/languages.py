"""Tokens that name a language, and where a tokenizer of several languages puts them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...errors import TextError
from ...visible import quoted
from .settings import TokenizerSettings

# The class of transformers -> whether the language stands before the text; else behind its end.
_BEFORE = {"NllbTokenizer": True, "MBart50Tokenizer": True, "MBartTokenizer": False}
_SOURCES = {"NllbTokenizer": "eng_Latn", "MBart50Tokenizer": "en_XX", "MBartTokenizer": "en_XX"}
_CODE = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")
_MOST_NAMES = 8


@dataclass(frozen=True)
class Languages:
    """The languages of a tokenizer.

    Attributes:
        ids: the id of each language's token, by its code; empty where there are none.
        before: whether the token stands before the text; otherwise it stands behind the end.
        source: the code that counts where none is named.
        target: the same of a text that a translator should give.
    """

    ids: Mapping[str, int] = field(default_factory=dict)
    before: bool = True
    source: str = ""
    target: str = ""

    @classmethod
    def of(cls, settings: TokenizerSettings, id_of: Callable[[str], int | None]) -> Languages:
        """Return the languages of a tokenizer of the tokenizers library."""
        if settings.kind not in _BEFORE:
            return cls()
        tokens = [*settings.others, *settings.additions.values()]
        codes = [token for token in dict.fromkeys(tokens) if _CODE.fullmatch(token)]
        ids = {code: i for code in codes if (i := id_of(code)) is not None}
        source = settings.text("src_lang", _SOURCES[settings.kind])
        before = _BEFORE[settings.kind] and not settings.flag("legacy_behaviour", False)
        return cls(ids, before, source, settings.text("tgt_lang", source))

    def around(self, ids: list[int], language: str | None, end: int) -> list[int]:
        """Return the ids of a text with its language and its end.

        Raises:
            TextError: there is no such language; some that there are are listed.
        """
        code = language or self.source
        if code not in self.ids:
            names = ", ".join(sorted(self.ids)[:_MOST_NAMES]) or "none"
            more = ", ..." if len(self.ids) > _MOST_NAMES else ""
            raise TextError(
                f"The tokenizer knows no language {quoted(code)}; it knows {names}{more}."
            )
        return [self.ids[code], *ids, end] if self.before else [*ids, end, self.ids[code]]
