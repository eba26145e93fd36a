"""Guesses the language of a text from its most frequent words, for a hint to the user.

It tells six languages apart. A text with fewer than two of their frequent words looks like none of
them, so names and greetings give no hint.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from .language import word_set

# "l'homme" is two words, "l'" and "homme"; so is "don't".
_WORD = re.compile(r"[^\W\d_]+'?")
FEWEST = 2  # frequent words that make a text look like a language

FREQUENT_WORDS: Mapping[str, frozenset[str]] = {
    "en": word_set(
        """
        a about am an and are at be because been but by can could did didn' do does doesn' don' for
        from had has have he her him his how i i' if in is isn' it it' its just know like my no not
        of on she should so that that' the their them there they they' this to was we were what when
        where which who why will with would you your
        """
    ),
    "fr": word_set(
        """
        au aussi aux avec ce ces cette c' chez d' dans de des du elle elles en est et il ils j' je
        l' la le les leur lui mais mes moi m' ne nous n' où par pas peut plus pour que qui quoi qu'
        sa sans se ses si sont suis sur s' toi tu très un une vous votre y à ça été être
        """
    ),
    "pt": word_set(
        """
        a as com como da das de do dos e ela ele em essa esse esta este estou está eu foi isso mais
        meu minha muito na nas no nos não o onde os ou para por quando que se ser seu sua são tem
        um uma você à é
        """
    ),
    "es": word_set(
        """
        a como con cuando de del donde dónde el ella en es esta este esto está fue la las lo los me
        mi muy más no para pero por que qué se ser son su tiene un una usted y yo él
        """
    ),
    "it": word_set(
        """
        anche che come con da della di dove e gli ha ho il in io la le lei lo lui mi mia mio molto
        nella non per più quando questa questo sei si sono sua suo un una è
        """
    ),
    "de": word_set(
        """
        auf bin das dem den der die du ein eine er es für hat habe haben ich ihr im in ist mein mit
        nicht sie sind und von war was wie wir wo zu
        """
    ),
}


@dataclass(frozen=True)
class OtherLanguage:
    """The language that a text seems to be in, if it should be in another.

    Attributes:
        language: its code; None if its frequent words are unknown.
    """

    language: str | None


def other_language(text: str, own_language: str) -> OtherLanguage | None:
    """Return the language that a text seems to be in, if it is not the expected one.

    Args:
        text: a sentence.
        own_language: the code of the language that it should be in.

    Returns:
        None if the text may be in the expected language, or that language is unknown.
    """
    own_language = own_language.replace("_", "-").partition("-")[0]
    if own_language not in FREQUENT_WORDS:
        return None
    letters = [one for one in text if one.isalpha()]
    latin = sum(unicodedata.name(one, "").startswith("LATIN") for one in letters)
    if letters and 2 * latin < len(letters):
        return OtherLanguage(None)
    words = _WORD.findall(text.lower().replace("’", "'"))
    counts = {
        code: sum(word in frequent for word in words) for code, frequent in FREQUENT_WORDS.items()
    }
    most = max(counts.values())
    if most < FEWEST or counts[own_language] >= most:
        return None
    likeliest = [code for code, count in counts.items() if count == most]
    return OtherLanguage(likeliest[0] if len(likeliest) == 1 else None)
