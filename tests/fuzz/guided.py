"""One target under atheris, which guides its inputs by the branches that they reach.

python -m tests.fuzz.guided TARGET FOLDER_OF_SEEDS [flags of libFuzzer]
"""

from __future__ import annotations

import sys

import atheris


def main() -> None:
    name, *rest = sys.argv[1:]
    with atheris.instrument_imports(include=["clearhead"]):
        from tests.fuzz.targets import TARGETS

        target = TARGETS[name]
        # What is imported late is imported now, so that its branches count.
        for seed in target.seeds():
            target.check(seed)
    atheris.Setup([sys.argv[0], *rest], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
