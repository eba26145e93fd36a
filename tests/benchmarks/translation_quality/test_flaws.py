"""Repeats, long and empty translations, and forms of address."""

from __future__ import annotations

import pytest

from benchmarks.translation_quality.flaws import address, is_empty, is_long, repeats


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("un marché international international", ["international"]),
        ("Le chat le chat dort.", ["le chat"]),
        ("Où est Où est la gare ?", ["où est"]),
        ("de fer de fer de fer de bois", ["de fer", "de fer"]),
        ("Non, non.", []),
        ("Nous nous levons, vous vous levez.", []),
        ("Le chat voit le chat.", []),
    ],
)
def test_what_stands_twice_in_a_row_is_a_repeat(text, phrases):
    assert repeats(text, "A source.") == phrases


def test_a_source_that_repeats_excuses_its_translation():
    assert repeats("très très bon", "very very good") == []


def test_a_long_translation_is_over_twice_source_and_reference():
    assert is_long("a" * 11, "bbbbb", ["cc"])
    assert not is_long("a" * 10, "bbbbb", ["cc"])
    assert not is_long("a" * 11, "bbbbb", ["cc", "dddddd"])


def test_an_empty_translation_lost_its_words():
    assert is_empty(" . ", "Yes.")
    assert not is_empty("...", "...")
    assert not is_empty("7", "seven")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Je t'aime.", "tu"),
        ("S’il te plaît", "tu"),
        ("Vos clés", "vous"),
        ("Où es-tu ?", "tu"),
        ("Ta clé, s'il vous plaît.", "both"),
        ("Va-t'en !", "tu"),
        ("Va-t-il bien ?", None),
        ("Il tutoie.", None),
    ],
)
def test_pronouns_and_possessives_tell_the_address(text, kind):
    assert address(text) == kind
