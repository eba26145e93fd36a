"""The sources of the explorer's page: their rooms, and their pure parts on Node's own runner.

The tests of the pure parts are TypeScript, in front/ beside this file, in the rooms of what they
test; some compare what the page computes with Python's numbers, which are written here.
"""

from __future__ import annotations

import base64
import json
import math
import os
import random
import re
import struct
from pathlib import Path

import numpy as np

from clearhead.explorer.contract.arrays import encode
from clearhead.explorer.derivations.snippet import resolve
from tests.explorer.node import FRONT, run_node

# From what all others may import to what imports all others.
ROOMS = ["core", "where_from", "draw", "views", "map", "shell"]


def sources() -> list[Path]:
    """The files that people write, without npm's packages."""
    return [
        path
        for path in sorted(FRONT.rglob("*"))
        if path.suffix in (".ts", ".tsx", ".css") and "node_modules" not in path.parts
    ]


def room(path: Path) -> str:
    return path.relative_to(FRONT).parts[0]


def test_rooms_import_in_one_direction():
    for path in sources():
        if room(path) not in ROOMS:
            continue
        for address in re.findall(r'(?:from|import) "(\.[^"]+)"', path.read_text("utf-8")):
            target = Path(os.path.normpath(path.parent / address))
            assert ROOMS.index(room(target)) <= ROOMS.index(room(path)), (path.name, address)


def test_files_and_rooms_are_small():
    files = sources()
    assert len(files) > 100
    for path in files:
        if path.name == "protocol.ts":  # written by clearhead.explorer.contract
            continue
        assert path.read_text("utf-8").count("\n") <= 300, path.relative_to(FRONT)
    for folder in {path.parent for path in files}:
        assert sum(path.parent == folder for path in files) <= 12, folder.relative_to(FRONT)


def plain(number: float) -> float | str:
    """A number as JSON can hold it; what is not finite, and minus zero, as JavaScript reads it."""
    if math.isfinite(number) and (number or math.copysign(1, number) > 0):
        return float(number)
    return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(number, str(number))


def halves() -> list[float | str]:
    bits = np.arange(65536, dtype=np.uint16)
    return [plain(number) for number in bits.view(np.float16).astype(np.float64).tolist()]


def containers(generator: np.random.Generator) -> list[dict]:
    arrays = {
        "weights": generator.normal(size=(2, 3, 4)),
        "rounded": generator.normal(size=(5,)).astype(np.float32),
        "ids": generator.integers(-(2**31), 2**31, size=(3, 1)),
        "mask": generator.integers(0, 2, size=(2, 2)).astype(bool),
        "masked": np.array([-np.inf, np.nan, 0.0, 5e-324]),
        "__proto__": np.zeros((0, 4)),
    }
    part = {"text": "Où est l'été ? 🙂", "value": None, "items": [1, 0.1]}
    return [container(part, arrays), container({}, {}), container([], {"x": np.float64(0.25)})]


def container(part: object, arrays: dict) -> dict:
    dtypes = {"f": lambda array: array.dtype.name, "i": lambda _: "int32", "b": lambda _: "uint8"}
    return {
        "bytes": base64.b64encode(encode(part, arrays)).decode(),
        "json": part,
        "arrays": {
            name: {
                "dtype": dtypes[array.dtype.kind](array),
                "shape": list(array.shape),
                "numbers": [plain(number) for number in np.ravel(array).tolist()],
            }
            for name, array in ((name, np.asarray(array)) for name, array in arrays.items())
        },
    }


def reprs(generator: random.Random) -> list[tuple[float, str]]:
    """Random numbers of every exponent, and those where the notation changes."""
    numbers = [1e-4, 9.9999e-5, 1e-6, 1e-7, 1e15, 1e16, 1e21, 1e22, 123456789012345680.0, 0.1 + 0.2]
    while len(numbers) < 2000:
        number = struct.unpack("<d", generator.randbytes(8))[0]
        if math.isfinite(number):
            numbers.append(number)
    return [(number, repr(number)) for number in numbers]


def indices(generator: random.Random) -> list[tuple[object, list[int], int]]:
    def entry(depth: int) -> object:
        kind = generator.random()
        if kind < 0.2:
            return generator.randrange(10)
        if kind < 0.4 and depth:
            return {"sum": [entry(depth - 1) for _ in range(generator.randrange(1, 4))]}
        changes = {"times": 3, "floordiv": 4, "mod": 5, "plus": 9}
        modifiers = {
            name: generator.randrange(1, most)
            for name, most in changes.items()
            if generator.random() < 0.5
        }
        return {"axis": generator.randrange(3), **modifiers}

    def no_step(*_: object) -> None:
        raise AssertionError("an index without value_of reads no step")

    cases = []
    for _ in range(500):
        index = [generator.randrange(40) for _ in range(3)]
        operand = entry(2)
        cases.append((operand, index, resolve(operand, index, no_step)))
    return cases


def test_the_pure_parts_of_the_page(tmp_path):
    path = tmp_path / "expected.json"
    numbers = {
        "halves": halves(),
        "containers": containers(np.random.default_rng(1)),
        "reprs": reprs(random.Random(2)),
        "indices": indices(random.Random(3)),
    }
    path.write_text(json.dumps(numbers, allow_nan=False), "utf-8")
    report = run_node("test.mjs", EXPECTED=str(path))
    # None of them was left out for want of Python's numbers.
    assert "skipped 0" in report
