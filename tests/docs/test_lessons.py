"""A lesson with a page of solutions asks for the pupil's answers, and takes the right ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearhead.lessons import WrongAnswer, check

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
PAGES = sorted(LESSONS.rglob("solutions/[0-9]-*.md"))
CELL = re.compile(r"```\{code-cell\}\n(?::tags:[^\n]*\n)?(.*?)```", re.DOTALL)
EXERCISE = re.compile(r"^\*\*\w+ (\d\.\d)\.", re.MULTILINE)
SOLUTION = re.compile(r"^## \w+ (\d\.\d)$", re.MULTILINE)
# An exercise may hand over what its notebook has computed: check("4.4", answer, right=scores).
PLACEHOLDER = re.compile(
    r"^answer = \.\.\. .*\n(?:.*\n)*?check\(\"(\d\.\d)\", answer(?:, .*)?\)\n\Z", re.MULTILINE
)
CHECK = re.compile(r"^check\(.*\)\n\Z", re.MULTILINE)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
# The cells of the Portuguese pages are those of the English ones: tests/docs/test_lesson_cells.py.
ENGLISH_PAGES = [page for page in PAGES if "pt" not in page.parts]
english_pages = pytest.mark.parametrize("page", ENGLISH_PAGES, ids=lambda page: page.stem)
# Three trainings, and thousands of translations: two fifths of the time of all. Lesson 8 trains,
# too, by hand and with the same Trainer.
LONG = "4-train-a-small-translator"
english_lessons = pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.heavy if page.stem == LONG else ())
        for page in ENGLISH_PAGES
    ],
    ids=lambda page: page.stem,
)


@pytest.fixture(autouse=True)
def settings_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a lesson sets for all of its process ends with it."""
    torch = pytest.importorskip("torch")
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with np.printoptions(), torch.enable_grad(), monkeypatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())
        yield
        torch.set_grad_enabled(True)
    torch.set_num_threads(threads)
    torch.set_rng_state(state)


def lesson_of(page: Path) -> Path:
    return page.parent.parent / page.name


def first_cells(text: str, heading: re.Pattern[str]) -> dict[str, str]:
    """The first cell after each heading, by the number in it."""
    parts = heading.split(text)[1:]
    return {
        number: CELL.findall(section)[0]
        for number, section in zip(parts[::2], parts[1::2], strict=True)
    }


def run(cell: str, names: dict[str, Any]) -> None:
    exec(compile(cell, "<cell>", "exec"), names)


@pages
def test_each_exercise_has_a_solution_and_the_lesson_holds_none(page: Path) -> None:
    exercises = first_cells(lesson_of(page).read_text("utf-8"), EXERCISE)
    solutions = first_cells(page.read_text("utf-8"), SOLUTION)
    assert len(exercises) >= 4
    assert list(exercises) == list(solutions) == sorted(exercises)
    for number, cell in exercises.items():
        assert number.startswith(page.name[0])
        assert PLACEHOLDER.findall(cell) == [number], cell
        assert "assert " not in cell
    assert all("answer = " in cell for cell in solutions.values())


@pytest.mark.slow
@english_lessons
def test_a_lesson_waits_for_answers_takes_the_right_ones_and_refuses_a_wrong_one(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pytest.importorskip("torch")
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    lesson = lesson_of(page).read_text("utf-8")
    exercises = {cell: number for number, cell in first_cells(lesson, EXERCISE).items()}
    solutions = first_cells(page.read_text("utf-8"), SOLUTION)
    names: dict[str, Any] = {}
    for cell in CELL.findall(lesson):
        run(cell, names)
        if cell in exercises:
            number = exercises[cell]
            run(solutions[number], names)
            (look,) = CHECK.findall(cell)
            names["check"] = partial(check, strict=True)
            run(look, names)
            names["answer"] = -1.5
            with pytest.raises(WrongAnswer):
                run(look, names)
            names["check"] = check
    assert set(exercises.values()) == set(solutions)


@pytest.mark.slow
@english_pages
def test_a_page_of_solutions_runs_by_itself_and_comes_out_as_it_says(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    names: dict[str, Any] = {}
    for cell in CELL.findall(page.read_text("utf-8")):
        run(cell, names)
