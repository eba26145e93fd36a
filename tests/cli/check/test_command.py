"""`clearhead check`, as a learner types it."""

from __future__ import annotations

import subprocess
import sys

WRONG = """import numpy as np

def my_attention(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / key.shape[-1]
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = e / e.sum(axis=-1, keepdims=True)
    return weights @ value, weights
"""
RIGHT = WRONG.replace("/ key.shape[-1]", "/ np.sqrt(key.shape[-1])")


def check(path: object, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clearhead", "check", *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_right_wrong_neither_and_nowhere(tmp_path):
    file = tmp_path / "my_attention.py"
    file.write_text(RIGHT, "utf-8")
    run = check(file)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("my_attention: right.\n  Worth knowing: ")

    file.write_text(WRONG, "utf-8")
    run = check(file)
    assert (run.returncode, run.stderr) == (1, "")
    assert "my_attention: not right yet.\n  The scores are divided by d_k itself" in run.stdout
    assert "[scale by d_k: made on purpose, this gives all of your numbers in 17" in run.stdout

    run = check(file, "--language", "pt")
    assert (run.returncode, run.stderr) == (1, "")
    assert "my_attention: ainda não.\n  As pontuações são divididas pelo próprio d_k" in run.stdout
    assert "[escala por d_k: feito de propósito, isso dá todos os seus números em 17" in run.stdout

    file.write_text("def attend():\n    pass\n", "utf-8")
    run = check(file)
    assert run.returncode == 1
    assert "no function that can be checked; its functions: attend." in run.stdout
    assert "    attention(query, key, value, mask=None)\n" in run.stdout

    file.write_text("def attention(query):\nreturn query\n", "utf-8")
    run = check(file)
    assert run.returncode == 1
    assert run.stdout.startswith("my_attention.py, line 2: it is not Python: expected an indented")
    assert run.stdout.endswith("\n    return query\n")

    run = check(tmp_path / "none.py")
    assert (run.returncode, run.stdout) == (2, "")
    assert "there is no such file" in run.stderr
