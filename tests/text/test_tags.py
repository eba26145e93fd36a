"""Tags have ids that no text has, and the register of French is read from its words."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.text.tags import TAGS, register_of, tag_id, tag_name, tag_piece
from clearhead.text.tokenizer_file import BYTES, SPECIALS


def test_tags_are_the_ids_of_bytes_that_utf8_never_has() -> None:
    pieces = SPECIALS + BYTES
    assert {name: pieces[token] for name, token in TAGS.items()} == {
        "tu": "<0xFE>",
        "vous": "<0xFF>",
        "bt": "<0xFD>",
    }
    assert [tag_name(token) for token in TAGS.values()] == list(TAGS)
    assert [tag_id(name) for name in TAGS] == [257, 258, 256]
    assert tag_piece("tu") == "<tu>"
    assert tag_name(0) is None


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no tag 'formal'\. The tags are: tu, vous, bt\."):
        tag_id("formal")


@pytest.mark.parametrize(
    "french",
    [
        "Tu as raison.",
        "Je t'aime.",
        "Je t’ai vu.",
        "C'est à toi.",
        "Où est ta sœur ?",
        "Va-t'en !",
        "C'est le tien ?",
        "Donne-moi le sel.",
        "Vas-y !",
        "Ferme la porte.",
        "Ne fais pas ça.",
        "Cache l'argent.",
        "Ne touche pas.",
        "Tiens le sac.",
        "S'il te plaît.",
        "Hé, viens !",
    ],
)
def test_the_familiar_form(french: str) -> None:
    assert register_of(french) == "tu"


@pytest.mark.parametrize(
    "french",
    [
        "Vous avez raison.",
        "Avez-vous faim ?",
        "Voici votre clé.",
        "VOS PAPIERS",
        "Donnez-moi le sel.",
        "Fermez la porte.",
        "N'oubliez pas.",
        "Dites-le.",
        "Veuillez patienter.",
    ],
)
def test_the_polite_form(french: str) -> None:
    assert register_of(french) == "vous"


@pytest.mark.parametrize(
    "french",
    [
        "",
        "Il pleut.",
        "Tu viens avec vous.",
        "Il a un rendez-vous.",
        "Il parle sur un ton sec.",
        "Il s'est tu.",
        "A-t'il faim ?",
        "Allons-y !",
        "Sommes-nous prêts ?",
        "Ferme",
        "Aide",
        "Compte bloqué.",
        "Entre nous, il pleut.",
        "Donnons-lui du temps.",
        "Chez lui, c'est assez grand.",
        "Il l'a fait lui-même.",
        "Celui-là.",
        "Tiens, il neige.",
        "Étudier le thon.",
    ],
)
def test_neither_or_both_say_nothing(french: str) -> None:
    assert register_of(french) is None
