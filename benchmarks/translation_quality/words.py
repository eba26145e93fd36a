"""Which words of a French text exist: those of a word list, and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clearhead.errors import CorpusError

from .everyday import normalise

WORD_LIST = Path("/usr/share/dict/french")  # Debian's package wfrench

# Everyday words that the list, which is of 2020 and has few capitals, does not have.
BESIDE_THE_LIST = """
admin appli caucus cheffe e-mail email internet professeure texto week-ends weekend weekends wi-fi
wifi
"""

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_ELIDED = re.compile(r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|presqu|quelqu)'(.+)")
_WITHOUT_CIRCUMFLEX = str.maketrans("îû", "iu")
_AFTER_A_VERB = """
je tu il elle on nous vous ils elles moi toi le la les lui leur y en ce t t'en m'en là ci
"""
_SENTENCE_END = re.compile(r"(?:^|[.!?:;…]|\n)[\s\"'«»“”()\[\]–—-]*$")


@dataclass(frozen=True)
class UnknownWords:
    """The words of one translation that no list knows and no name explains.

    Attributes:
        invented: small words, and capitals at the start of a sentence or without a name in the
            source.
        capitals: words with a capital inside a sentence whose source has names, too: mostly
            names in their French form.
    """

    invented: tuple[str, ...] = ()
    capitals: tuple[str, ...] = ()


class WordList:
    """French words; capitals make no difference.

    Args:
        words: inflected forms, each by itself.
    """

    def __init__(self, words: Iterable[str]) -> None:
        folded = set(map(_folded, words)) | set(BESIDE_THE_LIST.split())
        # The spelling of 1990, taught beside the older one, drops this accent: "plait", "aout".
        self._words = folded | {word.translate(_WITHOUT_CIRCUMFLEX) for word in folded}

    @classmethod
    def read(cls, path: Path = WORD_LIST) -> WordList:
        """Return the list of a file with one word a line.

        Raises:
            CorpusError: there is no such file.
        """
        if not path.is_file():
            raise CorpusError(
                f"There is no French word list at {path}. Debian's is installed by "
                f"`apt install wfrench`; name another with --word-list."
            )
        return cls(path.read_text("utf-8").splitlines())

    def __contains__(self, word: str) -> bool:
        """Return whether a word exists: as it is, behind an elision, or part by part.

        In "donne-moi" or "va-t-il" what follows the verb is a pronoun; other words with hyphens
        are words if their parts are.
        """
        word = _folded(word)
        if word in self._words:
            return True
        if elided := _ELIDED.fullmatch(word):
            return elided[1] in self
        parts = word.split("-")
        while len(parts) > 1 and parts[-1] in _AFTER_A_VERB.split():
            parts.pop()
        if parts != word.split("-"):
            return "-".join(parts) in self
        return len(parts) > 1 and all(part in self for part in parts)

    def unknown(
        self, text: str, source: str, *, accepted: Iterable[str] = (), common: Iterable[str] = ()
    ) -> UnknownWords:
        """Return the words of a translation that do not exist.

        Args:
            text: the translation.
            source: its source, whose names may be copied.
            accepted: right translations; their words exist.
            common: English words that are no names, though a sentence may begin with them.
        """
        source_names = names(source, set(common))
        familiar = set(source_names)
        for reference in accepted:
            familiar |= {word.lower() for word, _ in words(reference)}
        invented, capitals = [], []
        for word, begins in words(text):
            bare = _ELIDED.fullmatch(word.lower())
            alternatives = {word.lower(), bare[1] if bare else word.lower()}
            if any(map(str.isdigit, word)) or alternatives & familiar or word in self:
                continue
            inner = word[len(word) - len(bare[1]) :] if bare else word
            is_name = inner[0].isupper() and not begins and bool(source_names)
            (capitals if is_name else invented).append(word)
        return UnknownWords(tuple(invented), tuple(capitals))


def _folded(word: str) -> str:
    # Debian's list is of the time of Latin-1, which has no "œ".
    return normalise(word).lower().replace("œ", "oe").replace("æ", "ae")


def words(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each word of a text, and whether it begins a sentence."""
    text = normalise(text)
    for match in _WORD.finditer(text):
        yield match.group(), bool(_SENTENCE_END.search(text[: match.start()]))


def small_words(texts: Iterable[str]) -> set[str]:
    """Return the words that are written with a small first letter anywhere in texts."""
    return {word for text in texts for word, _ in words(text) if word[0].islower()}


def names(source: str, common: set[str]) -> set[str]:
    """Return the words of an English text that have a capital and are no common words, folded.

    At the start of a sentence every word has a capital: there it is a name unless it is common.
    """
    capitals = [(word, begins) for word, begins in words(source) if word != word.lower()]
    return {
        part
        for word, begins in capitals
        if not begins or word.lower() not in common
        for part in (word.lower(), word.lower().removesuffix("'s"))
    }
