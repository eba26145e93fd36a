"""Run the fault suite, print its tables, and write them to docs/reliability.md.

python -m tests.faults            everything, in ten minutes on two cores
python -m tests.faults --short    what `make test` runs
python -m tests.faults --write    everything, and put the tables into the page
python -m tests.faults --only kills
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.faults import suite, tables
from tests.faults.operations import catalogue
from tests.faults.tracer import why_not

ROOT = Path(__file__).parents[2]
PARTS = ("kills", "damage", "troubles")


def environment() -> dict[str, str]:
    """The environment of a process that runs the package as it stands here."""
    paths = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--short", action="store_true", help="a few places of each alone")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument("--rows", nargs="+", help="run nothing: the rows of these files")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.rows:
        return _report(_stored(options.rows), options)
    if reason := why_not():
        print(f"The fault suite is skipped: {reason}.")
        return 0
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="faults") as name:
        base = Path(name)
        (base / "shared").mkdir()
        catalogue.share(base / "shared", short=options.short)
        catalogue.import_early(catalogue.chosen(short=options.short), base / "shared")
        gc.freeze()  # a collection in a fork would copy every page of what is imported
        parts = suite.works([options.only] if options.only else PARTS, base, short=options.short)
        results = suite.run_all(
            [(f"{part}: {name}", work) for part in parts for name, work in parts[part]],
            options.processes,
        )
        rows = {
            part: {name: results[f"{part}: {name}"] for name, _ in parts[part]}
            for part in PARTS
            if part in parts
        }
    rows["seconds"] = {"all": {"seconds": time.perf_counter() - begin, "faults": []}}
    if options.json:
        Path(options.json).write_text(json.dumps(rows))
    return _report(rows, options)


def _stored(paths: list[str]) -> dict[str, Any]:
    """Return the rows of several runs, of a part each, as those of one."""
    rows: dict[str, Any] = {}
    for path in paths:
        for part, content in json.loads(Path(path).read_text()).items():
            for name, row in content.items():
                before = rows.setdefault(part, {}).get(name, {})
                rows[part][name] = suite.add_up(before, row)
    return rows


def _report(rows: dict[str, Any], options: argparse.Namespace) -> int:
    """Print the tables, and write them where that was asked for; 1 where there was a fault."""
    seconds = rows.pop("seconds")["all"]["seconds"]
    text = tables.text(rows, seconds)
    print(text)
    if options.write:
        tables.write(text)
    faults = [
        f"{name}: {fault}"
        for part in rows.values()
        for name, row in part.items()
        for fault in row["faults"]
    ]
    print("\n".join(faults) or "No fault.", file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
