"""French sources: questions, ends of sentences, quotes, spaces before marks, elisions, capitals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.final_mark import add_final_mark, read_ending
from clearhead.translation.rules.frame import peel
from clearhead.translation.rules.inline_marks import Mark, take_out
from clearhead.translation.rules.languages.english import ENGLISH
from clearhead.translation.rules.languages.french import FRENCH
from clearhead.translation.rules.letter_case import kind_of_case, ordinary_case
from clearhead.translation.rules.links import ELIDED_WORD, link_words
from clearhead.translation.rules.opening import is_name, opening
from clearhead.translation.rules.protected import numbers, preserves
from clearhead.translation.rules.sentence_ends import ends
from clearhead.translation.sentences.segments import split_text
from tests.processor_time import at_most_processor_seconds


def sentences(text):
    return [piece.text for piece in split_text(text, language=FRENCH) if piece.translate]


QUESTIONS = (
    """
Où est la gare|Qui est là|Que fais-tu|Qu'est-ce que c'est|Est-ce que tu viens|Pourquoi pleures-tu
Comment ça va|Combien ça coûte|Quand pars-tu|Avez-vous faim|Peux-tu venir|Y a-t-il du pain
N'avez-vous pas froid|Ne veux-tu pas manger|Votre frère est-il là|Quelle heure est-il
Quel est ton nom|Quel âge as-tu|À qui est ce livre|D'où viens-tu|De quoi parles-tu
Depuis quand habites-tu ici|Pourrais-tu m'aider|Voudriez-vous un café|T'es-tu blessé
L'avez-vous vu|Tu viens, n'est-ce pas|Que veut dire ce mot|Puis-je entrer|A-t-elle fini
pouvez-vous répéter|Qu'en penses-tu|Qu'y a-t-il|Allez-vous à Paris|Sommes-nous en retard
Quelles langues parlez-vous|Que s'est-il passé|Vous êtes-vous lavé les mains|Pourquoi pas
Y a-t-il quelqu'un|Serait-ce possible|Laquelle veux-tu
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_gets_its_mark_and_the_space_before_it(question):
    assert add_final_mark(question, FRENCH) == question + " ?"


STATEMENTS = (
    """
Asseyez-vous|Taisez-vous|Allez-vous-en|Levez-vous|Dépêchons-nous|Quel beau jour|Quelle chance
Que c'est beau|Qu'il est grand|Que la force soit avec toi|Peut-être viendra-t-il|C'est-à-dire
Sans doute est-elle partie|Ferme la porte|Quand il pleut, je reste à la maison|Qui vivra verra
Bonjour|Dites-moi la vérité|Donnez-nous du pain|Est allé à Paris|Tu viens|Donne-le-moi
Où que tu ailles, je te suis|Grand-mère est là|Celui-ci est à moi|Ainsi soit-il|Vas-y|Où
Rendez-vous à huit heures|J'ai un rendez-vous demain|Quelqu'un est là|Quitte la pièce
Quoi qu'il arrive, je viens|Quoique malade, il travaille|Le porte-monnaie est là|Comment
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_does_not_ask_gets_a_full_stop(statement):
    assert add_final_mark(statement, FRENCH) == statement + "."


@pytest.mark.parametrize(
    ("sentence", "read", "ending"),
    [
        ("Va !!!", "Va !", "!!!"),
        ("Vraiment\u202f?!", "Vraiment ?", "?!"),
        ("Je suis las...", "Je suis las.", "..."),
        ("Où est-ce ?", "Où est-ce ?", None),
        ("Où est-ce?", "Où est-ce?", None),
        ("Il dit :", "Il dit :", None),
    ],
)
def test_endings_of_several_marks_are_read_as_one(sentence, read, ending):
    text = sentence.replace("\u202f", " ")
    assert read_ending(text, FRENCH) == (read, ending)


ENDS = """
Il attend M. Dupont et Mme. Martin.
Le Dr. Petit et Mlle. Blanc sont partis.|Bien.
Il y en a.|Tom en veut.
Il y a.|Paul y va.
J. Martin et A. Petit sont venus.
Voir p. 12 et fig. 3 du livre.
Il aime les fruits, p. ex. Pomme et poire.
Rome fut prise en 52 av. J.-C. par César.
Elle est de 44 av. J.-C.|Elle vaut cher.
Des pommes, des poires, etc.|Il aime tout.
Cf. Annexe 2 pour cela.
Le n° 5 est vert.|Le n° 6 est bleu.
Le 3 janv. 2020 il neige.
Il part le lun. 3 mars.
Oui !|Non ?|Si.
Attends… tu viens ?
Elle habite bd. Voltaire à Paris.
MM. Durand et Petit sont là.
Elle l'a.|Tom l'a vu.
La société Martin S.A.|Elle est grande.
Il vient de l’U.R.S.S. Staline et non d’ici.
""".strip().splitlines()


@pytest.mark.parametrize("case", ENDS)
def test_sentences_end_where_a_reader_ends_them(case):
    assert sentences(case.replace("|", " ")) == case.split("|")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("« Viens ! » dit-il. Elle vient.", ["« Viens ! » dit-il.", "Elle vient."]),
        ("«\u00a0Où vas-tu\u00a0?\u00a0» Il se tait.", ["Où vas-tu\u00a0?", "Il se tait."]),
        ("Il dit « oui. » Puis il part.", ["Il dit « oui. »", "Puis il part."]),
        ("« Bonjour. Ça va ? »", ["Bonjour.", "Ça va ?"]),
    ],
)
def test_quotes_belong_to_the_sentence_before_them(text, expected):
    assert sentences(text) == expected
    assert "".join(piece.text for piece in split_text(text, language=FRENCH)) == text


def test_frames_have_spaces_inside_and_before_marks():
    assert peel("« Bonjour. »", FRENCH) == ("« ", "Bonjour.", " »")
    assert peel("« Oui » !", FRENCH) == ("« ", "Oui", " » !")
    assert peel("(Oui)\u202f?", FRENCH) == ("(", "Oui", ")\u202f?")
    assert peel("« Oui » !", ENGLISH) == ("", "« Oui » !", "")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Attention : Le chien mord.", [("Attention", True), (" : ", False)]),
        ("Émile : « Viens ! »", [("Émile : ", False)]),
        ("Marie Dubois\u00a0: Viens.", [("Marie Dubois\u00a0: ", False)]),
        ("À noter : Il pleut.", [("À noter", True), (" : ", False)]),
        ("Mise à jour : Élise vient.", [("Mise à jour", True), (" : ", False)]),
        ("Résumé : élève absent", []),
        ("Il dit : oui", []),
    ],
)
def test_labels_and_speakers_before_a_spaced_colon(text, parts):
    assert [(part.text, part.translate) for part in opening(text, FRENCH)] == parts


def test_names_may_begin_with_an_accent():
    assert is_name("Émile Zola", FRENCH)
    assert not is_name("Réponse", FRENCH)
    assert not is_name("Émile Zola", ENGLISH)


def test_quotes_within_a_sentence_go_with_their_spaces():
    text, marks = take_out("Il a dit « oui » hier.", FRENCH)
    assert text == "Il a dit oui hier."
    assert marks == (Mark(9, 12, "« ", " »"),)
    assert take_out("Il a dit «oui» hier.", FRENCH)[1] == (Mark(9, 12, "«", "»"),)


def count_pieces(word):
    return 1 if word in ("Albert", "Paris", "SNCF") else len(word) + word.isupper()


@pytest.mark.parametrize(
    ("sentence", "kind", "read"),
    [
        ("L'ÉCOLE EST FERMÉE.", "capitals", "L'école est fermée."),
        ("LA MAISON D'ALBERT À PARIS", "capitals", "La maison d'Albert à Paris"),
        ("QU'EST-CE QUE C'EST ?", "capitals", "Qu'est-ce que c'est ?"),
        ("M. ALBERT AIME LA SNCF", "capitals", "M. Albert aime la SNCF"),
        ("Le Vieil Homme Et La Mer", "title", "Le vieil homme et la mer"),
        ("Comment Allez-Vous Aujourd'hui ?", "title", "Comment allez-vous aujourd'hui ?"),
        ("La Mère De L'Enfant", "title", "La mère de l'enfant"),
        ("à demain, Albert", "small", "À demain, Albert"),
        ("œuvre complète", "small", "Œuvre complète"),
    ],
)
def test_a_sentence_is_read_in_ordinary_case(sentence, kind, read):
    assert kind_of_case(sentence, FRENCH) == kind
    assert ordinary_case(sentence, kind, count_pieces, FRENCH) == read


@pytest.mark.parametrize(
    "text",
    ["Tom est à La Rochelle.", "Je connais Jean Martin et Anne Petit.", "L'ONU est là.",
     "Il va au Havre avec Anne.", "Élise et Émile aiment l'Italie.", "SNCF", "À demain."],
)  # fmt: skip
def test_ordinary_sentences_stay(text):
    assert kind_of_case(text, FRENCH) == "sentence"


def test_spaces_group_the_digits_of_a_number():
    text = "12 500 euros, 3,5 et 1\u202f234\u202f567,89 en 2010 300 fois"
    assert [span.text for span in numbers(text, FRENCH)] == [
        "12 500", "3,5", "1\u202f234\u202f567,89", "2010", "300",
    ]  # fmt: skip
    assert preserves("12 500,5 euros", "12,500.5 euros", FRENCH)
    assert preserves("les 12 300 autres", "the 12 300 others", FRENCH)
    assert not preserves("12 500 euros", "12,600 euros", FRENCH)
    assert not preserves("12 500 euros", "12,500 euros", ENGLISH)


def test_an_elided_article_is_a_word_of_its_own():
    words = [match[0] for match in ELIDED_WORD.finditer("L'homme qu'elle aime, aujourd'hui")]
    assert words == ["L'", "homme", "qu'", "elle", "aime", "aujourd'hui"]
    links = link_words("l'homme", "the man", None, source_word=ELIDED_WORD)
    assert links.targets_of(2, 7) == [1]


SUBJECTS = ["Tom", "Marie", "L'homme", "Un chien", "Mon amie", "Nous", "On", "Élise"]
VERBS = ["voit", "aime", "veut", "était", "a fait", "n'a pas"]
OBJECTS = ["la maison", "du thé", "l'été", "Paris", "tout cela", "une heure", "« Le Cid »"]
MARKS = [".", " !", " ?", "\u202f!", "…"]
PLAIN = st.builds("{} {} {}{}".format, *map(st.sampled_from, (SUBJECTS, VERBS, OBJECTS, MARKS)))


@given(st.lists(PLAIN, min_size=1, max_size=6))
def test_plain_sentences_are_cut_apart(several):
    assert sentences(" ".join(several)) == several


@given(st.lists(PLAIN, min_size=1, max_size=1))
def test_plain_sentences_need_no_rule(several):
    (sentence,) = several
    text = sentence.replace("\u202f", " ")
    assert kind_of_case(text, FRENCH) == "sentence"
    assert opening(text, FRENCH) == []
    assert read_ending(text, FRENCH) in [(text, None), (text.replace("…", "."), "…")]


@given(st.text("aéÀ .!?:…\"'’«»\u00a0\u202f()[]1\nM-", max_size=60))
def test_ends_are_in_order_and_pieces_are_the_text(text):
    line = text.replace("\n", " ")
    places = list(ends(line, 0, FRENCH))
    assert places == sorted(set(places))
    assert all(0 < place <= len(line) for place in places)
    assert "".join(piece.text for piece in split_text(text, language=FRENCH)) == text


@pytest.mark.parametrize("text", ["a " * 20_000, "a-" * 20_000, "m'" * 20_000, " »" * 20_000,
                                  "-t-il " * 8_000, ". »" * 9_000, "où que " * 6_000])  # fmt: skip
def test_long_texts_take_little_time(text):
    with at_most_processor_seconds(2):
        add_final_mark(text, FRENCH)
        list(ends(text, 0, FRENCH))
