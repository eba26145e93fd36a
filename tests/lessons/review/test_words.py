"""The report."""

from __future__ import annotations

from clearhead.lessons._text import text
from clearhead.lessons.review.subject import Outcome, Review
from clearhead.lessons.review.subjects import SUBJECTS
from clearhead.lessons.review.words import report

SOFTMAX = SUBJECTS[0]


def test_each_function_has_a_paragraph_and_all_must_be_right():
    cases = SOFTMAX.cases()
    right = [Outcome(values=case.right) for case in cases]
    wrong = [Outcome(values=(case.right[0] * 2,)) for case in cases]
    lines, is_right = report("f.py", Review({"softmax": right}, {"softmax": "my_softmax"}))
    assert (lines, is_right) == ([f"my_softmax: right in {len(cases)} cases."], True)
    lines, is_right = report("f.py", Review({"softmax": wrong}, {"softmax": "softmax"}))
    assert lines[0] == "softmax: not right yet."
    assert "the largest difference is in the result, at [" in " ".join(lines)
    assert not is_right
    assert all(len(line) <= 92 for line in lines)


def test_a_problem_is_the_learners_line():
    review = Review(
        problem=text("ZeroDivisionError: division by zero", "ZeroDivisionError: division by zero"),
        line=(3, "1 / 0"),
    )
    assert report("f.py", review) == (
        ["f.py, line 3: ZeroDivisionError: division by zero.", "    1 / 0"],
        False,
    )
    assert report("f.py", review, "pt")[0][0].startswith("f.py, linha 3: ZeroDivisionError")


def test_a_report_in_portuguese():
    cases = SOFTMAX.cases()
    right = [Outcome(values=case.right) for case in cases]
    lines, is_right = report("f.py", Review({"softmax": right}, {"softmax": "f"}), "pt")
    assert (lines, is_right) == ([f"f: certa em {len(cases)} casos."], True)
    lines, _ = report("f.py", Review(functions=("attend",)), "pt")
    assert lines[0].startswith("f.py não tem nenhuma função que se possa conferir")
    assert "attend" in lines[0]
