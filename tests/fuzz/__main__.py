"""Fuzz every reader of files and messages for a time, and print what was found.

python -m tests.fuzz --minutes 60                     hypothesis, all targets
python -m tests.fuzz --minutes 60 --engine atheris    guided by coverage, where it is installed
python -m tests.fuzz --minutes 5 --target recording
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.inputs import changed, changed_json
from tests.fuzz.targets import TARGETS, Target

_BLOCK = 400  # inputs between two looks at the clock


def with_hypothesis(target: Target, seconds: float) -> tuple[int, str | None]:
    """Try inputs for so long; return how many, and what was found first."""
    seeds = target.seeds()
    strategy = changed(seeds) | changed_json(seeds) if target.is_json else changed(seeds)
    count, end, number = 0, time.monotonic() + seconds, time.time_ns()
    failure: list[bytes] = []

    @settings(
        max_examples=_BLOCK, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(content=strategy)
    def block(content: bytes) -> None:
        nonlocal count
        if time.monotonic() > end and not failure:
            return
        count += 1
        try:
            target.check(content)
        except BaseException:
            failure[:] = [content]
            raise

    while time.monotonic() < end:
        number += 1
        try:
            seed(number)(block)()
        except Exception:
            return count, f"{failure[0]!r}\n{traceback.format_exc(limit=-6)}"
    return count, None


def with_atheris(target: Target, seconds: float) -> tuple[int, str | None]:
    """The same in a process of its own, which atheris never leaves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, content in enumerate(target.seeds()):
            (folder / f"seed{i}").write_bytes(content)
        process = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.guided", target.name, name),
                *(f"-max_total_time={int(seconds)}", "-max_len=65536", "-print_final_stats=1"),
                f"-artifact_prefix={name}/finding-",
            ],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        words = process.stderr
        runs = words.rsplit("stat::number_of_executed_units:", 1)
        count = int(runs[1].split()[0]) if len(runs) == 2 else 0
        found = [path.read_bytes() for path in folder.glob("finding-*")]
        if found or process.returncode:
            return count, f"{found[:1]!r}\n{process.stdout[-1500:]}\n{words[-2500:]}"
        return count, None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=1.0, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--engine", choices=("hypothesis", "atheris"), default="hypothesis")
    options = parser.parse_args()
    if options.engine == "atheris" and importlib.util.find_spec("atheris") is None:
        print("Skipped: atheris is not installed here. python -m pip install atheris")
        return 0
    engine = with_atheris if options.engine == "atheris" else with_hypothesis
    names = options.target or list(TARGETS)
    findings = 0
    for name in names:
        begin = time.monotonic()
        count, finding = engine(TARGETS[name], 60 * options.minutes / len(names))
        spent = time.monotonic() - begin
        print(f"{name}: {count:,} inputs in {spent:.0f} s, {'a finding' if finding else 'nothing'}")
        if finding:
            findings += 1
            print(finding)
        sys.stdout.flush()
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
