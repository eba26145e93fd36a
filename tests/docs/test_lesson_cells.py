"""A lesson's code is one program in both languages; so it is enough to run it in one.

What may differ are texts and comments. A text by which something is looked up is the same
everywhere in a page, or is another one everywhere.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.lesson_cells import cells_of, pairs_of_pages, skeleton_of

PAIRS = list(pairs_of_pages())
pairs = pytest.mark.parametrize(("english", "portuguese"), PAIRS, ids=lambda page: page.stem[:6])


def test_every_lesson_and_every_page_of_solutions_is_in_both():
    assert [english.name[0] for english, _ in PAIRS] == [*"123456789"] * 2
    assert all(english.name[:2] == portuguese.name[:2] for english, portuguese in PAIRS)


@pairs
def test_the_programs_are_the_same(english: Path, portuguese: Path) -> None:
    ours, theirs = cells_of(english), cells_of(portuguese)
    assert [cell.tags for cell in ours] == [cell.tags for cell in theirs]
    words: dict[str, str] = {}
    for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        left, right = skeleton_of(one.code), skeleton_of(other.code)
        assert left.statements == right.statements, f"cell {i}"
        assert len(left.texts) == len(right.texts), f"cell {i}"
        for english_key, portuguese_key in zip(left.keys, right.keys, strict=True):
            assert words.setdefault(english_key, portuguese_key) == portuguese_key, f"cell {i}"
    assert len(set(words.values())) == len(words)  # no two keys become one


@pairs
def test_a_portuguese_lesson_answers_in_portuguese(english: Path, portuguese: Path) -> None:
    if english.parent.name != "solutions":
        first = cells_of(portuguese)[0].code
        assert "import check_in\n" in first
        assert 'check = check_in("pt")\n' in first
        assert "import check\n" in cells_of(english)[0].code


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        ('print("a")', 'print("b")  # c', True),
        ('print(f"a {x:>5}")', 'print(f"b {x:>9}")', True),
        ('print(f"{x} of {y}")', 'print(f"{y}, {x}")', True),
        ('print(f"{x:.2f}")', 'print(f"{x:.3f}")', False),
        ('print(f"{x:,}")', 'print(f"{x}")', False),
        ('print("a", x)', 'print("b")', False),
        ("x = 1", "x = 2", False),
        ('print(f"{a[0]}")', 'print(f"{a[1]}")', False),
    ],
)
def test_what_counts_as_the_same(one: str, other: str, are_alike: bool) -> None:
    assert (skeleton_of(one).statements == skeleton_of(other).statements) is are_alike


def test_what_is_looked_up():
    code = 'table = {"a": 1, f"no {x}": 2}\nprint(table["b"], table[f"c {x}", "d"], "e")'
    assert skeleton_of(code).keys == ["a", "no {}", "b", "c {}", "d"]
