"""`check`: a placeholder, an exercise that does not exist, an answer nobody can read."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.lessons import WrongAnswer, check, check_in
from clearhead.lessons.exercises.lesson_1 import QUERY


def test_three_dots_are_a_reminder(capsys):
    check("1.3", ...)
    assert capsys.readouterr().out == (
        "Exercise 1.3: put your answer in place of the three dots: three numbers.\n"
    )
    with pytest.raises(WrongAnswer, match="three dots"):
        check("1.3", ..., strict=True)


@pytest.mark.parametrize("number", ["1", "one", "1.3.1", "", None, "0.1"])
def test_a_number_that_is_none(number):
    with pytest.raises(ConfigError, match=r"as in '1\.3'"):
        check(number, 1)


def test_an_exercise_that_a_lesson_does_not_have():
    with pytest.raises(ConfigError, match=r"Lesson 1 has no exercise 1.99; those are 1.1, 1.2"):
        check("1.99", 1)


@pytest.mark.parametrize(
    "answer", [None, {}, object(), [[1], [1, 2]], "x", float("nan"), b"\0", 1j]
)
def test_nothing_that_is_answered_raises(answer, capsys):
    for number in ("1.1", "1.2", "1.3", "1.4", "1.5"):
        check(number, answer)
    assert capsys.readouterr().out.count("not yet. ") == 5


def test_a_check_in_portuguese(capsys):
    check = check_in("pt")
    check("1.3", ...)
    check("1.3", QUERY[1])
    check("1.3", [2, 8, 0])
    with pytest.raises(WrongAnswer, match=r"Exercício 1\.3: ainda não. Isso é o valor 1"):
        check("1.3", [1, 2, 3], strict=True)
    with pytest.raises(ConfigError, match=r"A lição 1 não tem o exercício 1\.99; ela tem 1\.1"):
        check("1.99", 1)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Exercício 1.3: ponha a sua resposta no lugar dos três pontos: três números.",
        "Exercício 1.3: ainda não. Isso é a consulta 2. O que um token tem a entregar "
        "é o seu valor.",
        "Exercício 1.3: certo. Um peso de um no valor 2 e de zero nos outros: "
        "a média é o próprio valor 2.",
        "Exercício 1.3: ainda não. Isso é o valor 1. O token dá a sua atenção ao token 2, "
        "não a si mesmo.",
    ]
