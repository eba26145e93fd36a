"""Node, which builds the explorer's page and tests its pure parts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import clearhead.explorer

FRONT = Path(clearhead.explorer.__file__).parent / "front"


def run_node(*arguments: str, **environment: str) -> str:
    """Run Node in the folder of the page's sources and return what it prints.

    Skips the test where Node or the page's packages are not installed.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node 20 or later, for the explorer's page")
    if not (FRONT / "node_modules").is_dir():
        pytest.skip(f"needs the page's packages: npm ci, in {FRONT.name}/")
    process = subprocess.run(
        [node, *arguments],
        cwd=FRONT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout
