"""Importing clearhead, and asking the command for help, loads little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clearhead

SOURCE = Path(clearhead.__file__).parent.parent
HEAVY = ("torch", "matplotlib", "huggingface_hub", "sacrebleu", "transformers", "datasets")


def run(code: str, *arguments: str) -> str:
    """Standard output of `code` in a fresh interpreter that finds the package in src/."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    outcome = subprocess.run(
        [sys.executable, *arguments, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return outcome.stdout


def loaded_after(code: str) -> set[str]:
    printed = run(f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})")
    return set(printed.split("\n")[-2].split())


def test_import_clearhead_loads_nothing_but_the_standard_library():
    foreign = loaded_after("import clearhead") - loaded_after("pass")
    assert foreign - set(sys.stdlib_module_names) == {"clearhead"}


def test_import_clearhead_loads_nothing_of_its_own_but_the_version():
    # So it takes milliseconds; benchmarks/startup.py measures them.
    code = "import clearhead, sys\nprint(*[name for name in sys.modules if 'clearhead' in name])"
    assert run(code).split() == ["clearhead._version", "clearhead"]


@pytest.mark.parametrize(
    "code",
    [
        "import clearhead.reference",
        "import clearhead.text.tokenizer",
        "import clearhead.translation.translator",
        "from clearhead import TransformerConfig, ClearheadError",
        "from clearhead import intervene",
        "from clearhead.cli.main import cli\ncli.main(['--help'], standalone_mode=False)",
        "from clearhead.cli.main import cli\ncli.main(['translate', '-h'], standalone_mode=False)",
    ],
)
def test_the_light_set_suffices(code):
    assert not loaded_after(code) & set(HEAVY)
