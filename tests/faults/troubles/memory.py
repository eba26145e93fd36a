"""Commands that get less memory than they need."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults import samples
from tests.faults.operations import runs
from tests.faults.operations.operation import do, model, run
from tests.faults.troubles.row import Row

SOURCE = Path(__file__).parents[3] / "src"
_SHARES = (0.97, 0.9, 0.8, 0.7, 0.55, 0.4)
_OUTPUTS = ("run", "scores", "scores.part", "there")
# Command -> what follows it; names in capitals are paths of `_names`.
COMMANDS: dict[str, tuple[str, ...]] = {
    "translate": ("translate", "-m", "MODEL", "--max-length", "6", "the old house"),
    "trace": ("trace", "-m", "MODEL", "the old house"),
    "score": ("score", "MODEL", "CORPUS", "--output", "SCORES"),
    "prepare": ("prepare", "RECIPE", "--data", "FOLDER", "--out", "THERE"),
    "evaluate": ("evaluate", "MODEL", "--pairs", "CORPUS", "--beam-size", "1"),
    "train": ("train", "TABLE", "--run", "RUN"),
    "export to transformers": (
        *("export", "MODEL", "--to", "huggingface", "THERE", "--no-verify"),
    ),
    "inspect": ("inspect", "PRETRAINED", "--text", "the old house"),
}


def memory_limits(base: Path, name: str, *, short: bool) -> Row:
    """A command under ``ulimit -v``: from nearly what it takes, down to where it hardly begins."""
    row = Row("memory limit (ulimit -v)")
    folder = Path(tempfile.mkdtemp(dir=base))
    samples.write_recipe(folder)
    names = {
        "MODEL": model(), "CORPUS": folder / "a.tsv", "TABLE": _settings(folder),
        "RUN": folder / "run", "SCORES": folder / "scores", "RECIPE": folder / "r.toml",
        "FOLDER": folder, "THERE": folder / "there", "PRETRAINED": folder / "pretrained",
    }  # fmt: skip
    if "PRETRAINED" in COMMANDS[name]:
        do(
            lambda: run(
                "export", "en-fr", "--to", "huggingface", names["PRETRAINED"], "--no-verify"
            ),
            folder,
        )
    arguments = [str(names.get(word, word)) for word in COMMANDS[name]]
    peak = _peak(arguments, folder)
    for share in _SHARES[1:4:2] if short else _SHARES:
        status, words = _limited(arguments, int(peak * share), folder)
        row.count(f"{name} in {share:.0%} of {peak >> 20} MiB", status, words)
    return row


def _settings(folder: Path) -> Path:
    table = runs.table()
    path = folder / "run.toml"
    path.write_text("".join(_toml(name, section) for name, section in table.items()))
    return path


def _toml(name: str, section: dict[str, Any]) -> str:
    lines = [f"[{name}]"]
    for key, value in section.items():
        if key == "corpus":
            value = "[" + ", ".join(f"{{path = {json.dumps(x['path'])}}}" for x in value) + "]"
        else:
            value = json.dumps(value)
        lines.append(f"{key} = {value}")
    return "\n".join(lines) + "\n"


def _environment() -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip


def _peak(arguments: list[str], folder: Path) -> int:
    """The most address space that a command takes, in bytes."""
    program = (
        "import sys\nfrom clearhead.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nfinally:\n    status = open('/proc/self/status').read()\n"
        "    print('VmPeak', status.split('VmPeak:')[1].split()[0], file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=_environment(), cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    _remove_outputs(folder)
    return int(process.stderr.rsplit("VmPeak", 1)[1]) << 10


def _limited(arguments: list[str], limit: int, folder: Path) -> tuple[int, str]:
    process = subprocess.run(
        [sys.executable, "-m", "clearhead", *arguments],
        env=_environment(), cwd=folder, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        timeout=300,
    )  # fmt: skip
    _remove_outputs(folder)
    return process.returncode, process.stdout[-200:] * (not process.returncode) + process.stderr


def _remove_outputs(folder: Path) -> None:
    for path in (folder / name for name in _OUTPUTS):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
