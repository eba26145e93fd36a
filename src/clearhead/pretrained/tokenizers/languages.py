"""Language tokens, and their place around a text in multilingual tokenizers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ...errors import TextError
from ...visible import quoted
from .settings import TokenizerSettings

# The transformers class -> whether the language token is before the text; else it follows the end.
_BEFORE = {"NllbTokenizer": True, "MBart50Tokenizer": True, "MBartTokenizer": False}
_SOURCES = {"NllbTokenizer": "eng_Latn", "MBart50Tokenizer": "en_XX", "MBartTokenizer": "en_XX"}
_CODE = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")
_MOST_NAMES = 8

MBART_LANGUAGES = (
    *("ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN"),
    *("it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO"),
    *("ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN"),
)
"""The languages of mBART, in the order of their ids."""

_M2M100 = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu "
    "ha he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr "
    "ms my ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk "
    "ur uz vi wo xh yi yo zh zu"
)
_WMT21 = "en ha is ja cs ru zh de"
M2M100_LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "m2m100": tuple(_M2M100.split()),
    "wmt21": tuple(_WMT21.split()),
}
"""The languages of M2M100's tokenizers, in the order of their ids."""


@dataclass(frozen=True)
class Languages:
    """The languages of a tokenizer.

    Attributes:
        ids: the id of each language's token, by language code; empty if there are none.
        before: whether the token is placed before the text; otherwise it follows the end token.
        source: the default language code of a source; empty if a text needs none.
        target: the same for a target.
    """

    ids: Mapping[str, int] = field(default_factory=dict)
    before: bool = True
    source: str = ""
    target: str = ""

    @classmethod
    def of(
        cls,
        settings: TokenizerSettings,
        id_of: Callable[[str], int | None],
        additions: Iterable[str] = (),
    ) -> Languages:
        """Return the languages of a tokenizer of the tokenizers library.

        Args:
            settings: from the files in the tokenizer's folder.
            id_of: returns the id of a token.
            additions: tokens that the tokenizer's own file adds to the vocabulary.
        """
        if settings.kind not in _BEFORE:
            return cls()
        tokens = [*settings.others, *additions]
        tokens += MBART_LANGUAGES if settings.kind == "MBartTokenizer" else ()
        codes = [token for token in dict.fromkeys(tokens) if _CODE.fullmatch(token)]
        ids = {code: i for code in codes if (i := id_of(code)) is not None}
        source = settings.text("src_lang", _SOURCES[settings.kind])
        before = _BEFORE[settings.kind] and not settings.flag("legacy_behaviour", False)
        return cls(ids, before, source, settings.text("tgt_lang", source))

    def around(self, ids: list[int], language: str | None, end: int) -> list[int]:
        """Return the ids of a text with its language token and its end token.

        Raises:
            TextError: there is no such language; the message lists some that exist.
        """
        code = language or self.source
        if not code:
            return [*ids, end]
        if code not in self.ids:
            names = ", ".join(sorted(self.ids)[:_MOST_NAMES]) or "none"
            more = ", ..." if len(self.ids) > _MOST_NAMES else ""
            raise TextError(
                f"The tokenizer knows no language {quoted(code)}; it knows {names}{more}."
            )
        return [self.ids[code], *ids, end] if self.before else [*ids, end, self.ids[code]]
