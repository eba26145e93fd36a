"""Fuzz every reader of files and messages for a time, and print what was found.

python -m tests.fuzz --minutes 60                     hypothesis, all targets
python -m tests.fuzz --minutes 60 --engine atheris    guided by coverage, where it is installed
python -m tests.fuzz --minutes 5 --target recording
python -m tests.fuzz --minutes 60 --rounds 5    each target five times, so that all are tried soon
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
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.inputs import changed, changed_json
from tests.fuzz.targets import TARGETS, Target

Engine = Callable[[Target, float, Path], tuple[int, str | None]]
_BLOCK = 400  # inputs between two looks at the clock


def with_hypothesis(target: Target, seconds: float, corpus: Path) -> tuple[int, str | None]:
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


def with_atheris(target: Target, seconds: float, corpus: Path) -> tuple[int, str | None]:
    """The same in a process of its own, which atheris never leaves.

    Inputs that reach something new are kept in the corpus, from which the next round goes on.
    """
    inputs, findings = corpus / "inputs", corpus / "findings"
    inputs.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    for i, content in enumerate(target.seeds()):
        (inputs / f"seed{i}").write_bytes(content)
    before = set(findings.iterdir())
    process = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.guided", target.name, str(inputs)),
            *(f"-max_total_time={int(seconds)}", "-max_len=65536", "-print_final_stats=1"),
            *(f"-artifact_prefix={findings}/", "-timeout=60", "-rss_limit_mb=4096"),
        ],
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    words = process.stderr
    runs = words.rsplit("stat::number_of_executed_units:", 1)
    count = int(runs[1].split()[0]) if len(runs) == 2 else 0
    new = [path.read_bytes() for path in set(findings.iterdir()) - before]
    if new or process.returncode:
        return count, f"{new[:1]!r}\n{process.stdout[-1500:]}\n{words[-2500:]}"
    return count, None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=1.0, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--engine", choices=("hypothesis", "atheris"), default="hypothesis")
    parser.add_argument("--rounds", type=int, default=1, help="in which the time is divided")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what atheris finds")
    options = parser.parse_args()
    if options.engine == "atheris" and importlib.util.find_spec("atheris") is None:
        print("Skipped: atheris is not installed here. python -m pip install atheris")
        return 0
    with tempfile.TemporaryDirectory() as name:
        findings = fuzz(
            with_atheris if options.engine == "atheris" else with_hypothesis,
            (options.target or list(TARGETS)) * options.rounds,
            60 * options.minutes,
            options.corpus or Path(name),
        )
    return bool(findings)


def fuzz(engine: Engine, names: Sequence[str], seconds: float, corpus: Path) -> int:
    """Try targets in turn, with the same time for each; return how often something was found."""
    findings = 0
    for name in names:
        begin = time.monotonic()
        count, finding = engine(TARGETS[name], seconds / len(names), corpus / name)
        spent = time.monotonic() - begin
        print(f"{name}: {count:,} inputs in {spent:.0f} s, {'a finding' if finding else 'nothing'}")
        if finding:
            findings += 1
            print(finding)
        sys.stdout.flush()
    return findings


if __name__ == "__main__":
    sys.exit(main())
