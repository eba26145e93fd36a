"""Tags: token ids before a source that tell a model how to translate it.

A tag is the id of a byte that UTF-8 never has, so no text can produce it, and tokenizers and
vocabularies stay as they are. In front of the source ids, ``<tu>`` asks for the familiar French
"you" and ``<vous>`` for the polite one; without a tag the model decides. Telling a model by a word
before its source is the method of Sennrich et al. 2016, "Controlling Politeness in Neural Machine
Translation via Side Constraints". ``<bt>`` stands before a source that a machine wrote, in training
alone, so that what is peculiar to such sources is learnt apart from what people write (Caswell et
al. 2019, "Tagged Back-Translation").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from ..errors import ConfigError
from ..visible import quoted
from .tokenizer_file import SPECIALS

Register = Literal["tu", "vous"]

_FIRST_BYTE = len(SPECIALS)
BACK_TRANSLATION = "bt"
"""The name of the tag of sources that a machine wrote."""

REGISTERS: tuple[Register, ...] = ("tu", "vous")
"""The names of the tags that can be asked for when one translates."""

# 0xFC is free for a tag to come.
_BYTES = {"tu": 0xFE, "vous": 0xFF, BACK_TRANSLATION: 0xFD}
TAGS: Mapping[str, int] = MappingProxyType(
    {name: _FIRST_BYTE + byte for name, byte in _BYTES.items()}
)
"""The token id of each tag, by its name."""

_NAMES = {token: name for name, token in TAGS.items()}


def tag_id(name: str) -> int:
    """Return the token id of a tag.

    Raises:
        ConfigError: there is no tag of this name.
    """
    if name not in TAGS:
        raise ConfigError(f"There is no tag {quoted(name)}. The tags are: {', '.join(TAGS)}.")
    return TAGS[name]


def tag_name(token: int) -> str | None:
    """Return the name of the tag that a token id is; None for any other token."""
    return _NAMES.get(token)


def tag_piece(name: str) -> str:
    """Return a tag as shown among the pieces of a text, such as ``<tu>``."""
    return f"<{name}>"


_FAMILIAR = re.compile(
    r"\b(?:tu|te|toi|ton|ta|tes)\b|\bt'\w|\b(?:le|la|les) (?:tien|tienne|tiens|tiennes)\b"
)
_POLITE = re.compile(r"\b(?:vous|votre|vos|vôtres?)\b")
# What only looks like them: a meeting, a tone of voice, who "was silent", "has he" misspelt.
_NO_PRONOUNS = re.compile(
    r"\brendez-vous\b"
    r"|\b(?:le|un|du|ce|au|mi|bon|mon|son|sur|quel|même) ton\b"
    r"|\b(?:suis|est|sont|été|étais|était|sera|serait) tu\b"
    r"|-t'(?:ils?|elles?|on)\b"
)

# An imperative with its pronoun: "donne-moi", "vas-y", "dites-le". "celui-là" has an accent, and
# "moi-même" no verb.
_WITH_PRONOUN = re.compile(r"\b(\w+)-(?:moi|le|la|les|lui|nous|leur|en|y)\b(?!-même)")
_POLITE_FORMS = frozenset({"faites", "dites", "soyez", "ayez", "sachez", "veuillez"})
_FAMILIAR_WORDS = """
    appelle apporte apprends arrête assieds attends attrape avance baisse cache chante cherche
    choisis clique commence continue dépêche descends dis donne dors écoute écris essaie essaye
    éteins fais finis goûte imagine jette laisse lève lis mange mets oublie ouvre pars parle perds
    prends prépare raconte ramasse rappelle regarde remets rends rentre répète réponds retourne
    réveille reviens sois sors souviens tape traverse trouve utilise va verse viens vérifie
"""
# These can also be nouns or prepositions; before an article or "pas" they are imperatives.
_UNCERTAIN_WORDS = """
    aide bois compte coupe cours entre ferme garde monte montre pense place pose pousse reste tiens
    tire touche tourne
"""
_AFTER_IMPERATIVE_WORDS = "le la les l' un une ce cet cette ces ça pas jamais rien"
_FAMILIAR_FORMS = frozenset(_FAMILIAR_WORDS.split())
_UNCERTAIN_FORMS = frozenset(_UNCERTAIN_WORDS.split())
_AFTER_IMPERATIVES = frozenset(_AFTER_IMPERATIVE_WORDS.split())
_NOT_VERBS = frozenset({"chez", "assez", "nez", "rez"})
_FIRST_WORD = re.compile(
    r"(?:^|[.!?…:,] )(?:ne |n'|s'il te plaît,? |s'il vous plaît,? )?(\w+)(?![\w'-])(?: (\w+'?))?"
)


def register_of(french: str) -> Register | None:
    """Return how a French text says "you": ``tu``, ``vous``, or None for neither or both.

    Pronouns and possessives decide; without them, imperatives do: "Ferme la porte !", "Donnez-moi
    le sel." It is a rule, not a parser: rare verb forms are ignored.
    """
    text = _NO_PRONOUNS.sub(" ", french.replace("’", "'").lower())
    familiar, polite = bool(_FAMILIAR.search(text)), bool(_POLITE.search(text))
    if not familiar and not polite:
        familiar, polite = _imperatives(text)
    if familiar == polite:
        return None
    return "tu" if familiar else "vous"


def _imperatives(text: str) -> tuple[bool, bool]:
    """Return whether a text has familiar imperatives, and whether it has polite ones."""
    with_pronoun = _WITH_PRONOUN.findall(text)
    first_words = _FIRST_WORD.findall(text)
    forms = [*with_pronoun, *(form for form, _ in first_words)]
    # "sommes-nous" and "irons-nous" are questions, and "allons-y" is about "us".
    familiar = any(
        not _is_polite(form) and not form.endswith(("ons", "mes")) for form in with_pronoun
    ) or any(
        form in _FAMILIAR_FORMS or (form in _UNCERTAIN_FORMS and after in _AFTER_IMPERATIVES)
        for form, after in first_words
    )
    return familiar, any(map(_is_polite, forms))


def _is_polite(form: str) -> bool:
    return form in _POLITE_FORMS or (
        len(form) > 3 and form.endswith("ez") and form not in _NOT_VERBS
    )
