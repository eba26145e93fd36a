"""A learner's file runs in a process of its own, whatever it does there."""

from __future__ import annotations

import pytest

from clearhead.file_reading import FileProblem
from clearhead.lessons.review.run import run

TROUBLE = {
    "not Python": ("def softmax(x:\n", "it is not Python", (1, "def softmax(x:")),
    "an error": ("import math\n\nmath.sqrt('x')\n", "TypeError", (3, "math.sqrt('x')")),
    "a missing package": ("import nowhere_at_all\n", "ModuleNotFoundError", (1, "import nowhere")),
    "an exit": ("import sys\nsys.exit(0)\n", "ends the program", (2, "sys.exit(0)")),
    "a question": ("name = input()\n", "waits for somebody to type", (1, "name = input()")),
    "a crash": ("import os\nos._exit(7)\n", "status 7", None),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_is_told_with_the_learners_line(kind, tmp_path):
    source, words, line = TROUBLE[kind]
    file = tmp_path / "mine.py"
    file.write_text(source, "utf-8")
    review = run(file)
    assert words in review.problem.en
    if line is None:
        assert review.line is None
    else:
        assert review.line is not None
        assert review.line[0] == line[0]
        assert review.line[1].startswith(line[1])
    assert not (tmp_path / "__pycache__").exists()


def test_an_endless_loop_ends_at_the_limit_and_is_told_with_its_line(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def softmax(x):\n    while True:\n        x = x + 1\n", "utf-8")
    review = run(file, limit=1)
    assert review.problem.en == "it had not finished after 1 seconds"
    assert review.line is not None
    assert review.line[0] in (2, 3)


def test_functions_come_with_their_outcomes_and_what_is_printed_is_not_heard(tmp_path, capfd):
    (tmp_path / "neighbour.py").write_text("import numpy as np\n", "utf-8")
    file = tmp_path / "mine.py"
    source = (
        "from neighbour import np\nprint('hello')\n\ndef my_softmax(x):\n    return np.exp(x)\n\n"
        "def other():\n    pass\n\nif __name__ == '__main__':\n    1 / 0\n"
    )
    file.write_text(source, "utf-8")
    review = run(file)
    assert not review.problem
    assert review.names == {"softmax": "my_softmax"}
    assert review.functions == ("my_softmax", "other")
    assert review.outcomes["softmax"][0].values[0].shape == (4, 4)
    assert capfd.readouterr().out == ""


def test_no_file(tmp_path):
    with pytest.raises(FileProblem, match="no such file"):
        run(tmp_path / "none.py")
