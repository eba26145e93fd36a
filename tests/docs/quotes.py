"""What the pages show is what their programs and commands print.

    python -m tests.docs.quotes            say what is printed and not shown, and end with status 1
    python -m tests.docs.quotes --write    put what is printed in its place
    python -m tests.docs.quotes README.md  one page, or several

A program is a ``python`` block, its output the ``text`` block below it. A command stands behind
``$`` in a ``console`` block, with its output below it; ``...`` in an output stands for any lines.
Without a page's name, what `model_facts` says of the bundled model is compared and written, too.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.docs import model_facts

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"
ELISION = "..."
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?$")
_BLOCK = re.compile(
    r"```python\n(?P<program>.*?)```(?:\n\n```text\n(?P<output>.*?)```)?"
    r"|```console\n(?P<console>.*?)```",
    re.DOTALL,
)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
# A page that is served waits for its reader.
_SERVING = re.compile(r"make explore|clearhead explore(?!.*--help)")


@dataclass(frozen=True)
class Quote:
    """A program or a command of a page, and the output that stands below it.

    Args:
        source: the program, or the command.
        output: what it prints, as the page shows it; None: it shows nothing.
        start, stop: where the output stands in the page's text.
        command: whether it is a command.
    """

    source: str
    output: str | None
    start: int
    stop: int
    command: bool

    @property
    def name(self) -> str:
        """Return the command, or the last line of the program."""
        return self.source.strip().splitlines()[-1].strip()


@dataclass(frozen=True)
class Page:
    """A page that shows outputs.

    Args:
        path: from the repository's root.
        alone: each program stands alone; otherwise it goes on from those before it.
        bare: run also the commands that show no output.
        exact: outputs are the same to the letter. Otherwise numbers may differ a little, as those
            of models do that are trained on the spot.
    """

    path: str
    alone: bool = False
    bare: bool = True
    exact: bool = True

    @property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    def quotes(self) -> list[Quote]:
        """Return what can be run, in the order of the page."""
        every = read_quotes(self.text)
        return [quote for quote in every if self.bare or not quote.command or quote.output]

    def agrees(self, printed: str, quote: Quote) -> bool:
        """Whether an output was printed as it is shown."""
        if quote.output is None:
            return bool(printed.strip()) or ">" in quote.source or not quote.command
        same = str.__eq__ if self.exact else same_line
        return agrees(printed, quote.output, same)


PAGES = (
    Page("README.md", alone=True, bare=False),
    *(Page(f"docs/guides/{name}.md") for name in ("translate", "explore", "deploy")),
    Page("docs/other-models.md", exact=False),
)


def page_of(path: str) -> Page:
    """Return the page of a path."""
    return next(page for page in PAGES if page.path == path)


def read_quotes(text: str) -> list[Quote]:
    """Return the programs and commands of a page, without those that wait for a reader."""
    quotes = []
    for block in _BLOCK.finditer(text):
        if block["program"] is not None:
            start, stop = block.span("output")
            quotes.append(Quote(block["program"], block["output"], start, stop, False))
            continue
        for one in _COMMAND.finditer(block["console"]):
            start, stop = (place + block.start("console") for place in one.span(2))
            if not _SERVING.match(one[1]):
                quotes.append(Quote(one[1], one[2] or None, start, stop, True))
    return quotes


def same_word(printed: str, shown: str) -> bool:
    """Whether two words are the same, or numbers or bars that are not far from each other."""
    if _NUMBER.match(printed) and _NUMBER.match(shown):
        return math.isclose(float(printed), float(shown), rel_tol=0.3, abs_tol=0.1)
    return printed == shown or {*printed, *shown} == {"█"}


def same_line(printed: str, shown: str) -> bool:
    """Whether two lines have the same words, and numbers that are not far from each other."""
    words, shown_words = printed.split(), shown.split()
    return len(words) == len(shown_words) and all(map(same_word, words, shown_words))


def agrees(printed: str, shown: str, same: Callable[[str, str], bool] = same_line) -> bool:
    """Whether lines were printed as they are shown; ``...`` stands for any number of lines."""
    lines = printed.splitlines()
    place, anywhere = 0, False
    for line in shown.splitlines():
        if line == ELISION:
            anywhere = True
            continue
        while anywhere and place < len(lines) and not same(lines[place], line):
            place += 1
        if place == len(lines) or not same(lines[place], line):
            return False
        place, anywhere = place + 1, False
    return anywhere or place == len(lines)


def renewed(printed: str, shown: str) -> str | None:
    """Return what to show of an output: as many lines before and after ``...`` as before.

    None: lines stand between two ``...``, and a person has to choose others.
    """
    parts = [
        part.splitlines(keepends=True)
        for part in re.split(rf"^{re.escape(ELISION)}\n", shown, flags=re.MULTILINE)
    ]
    if len(parts) == 1:
        return printed
    if any(parts[1:-1]):
        return None
    lines = printed.splitlines(keepends=True)
    end = lines[len(lines) - len(parts[-1]) :]
    return "".join([*lines[: len(parts[0])], f"{ELISION}\n", *end])


@dataclass
class Workshop:
    """A folder where the programs and commands of a page run, one after the other.

    It holds the command ``clearhead``; ``lines.en``; and, once a program names a real model, a
    small one under that name, which learnt a few sentences.
    """

    root: Path
    page: Page
    _names: dict[str, Any] = field(default_factory=dict)
    _models: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Put everything in its place but the models."""
        (self.root / "lines.en").write_text("Good evening.\nThe train is late.\n", encoding="utf-8")
        shim = self.root / "bin" / "clearhead"
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m clearhead "$@"\n')
        shim.chmod(0o755)

    def printed(self, quote: Quote) -> str:
        """Return what a program or a command prints.

        Raises:
            RuntimeError: the command fails.
        """
        if re.search("google|openai-community", quote.source):
            self._save_models(quote.source)
        if quote.command:
            return self._command(quote.source)
        names = {} if self.page.alone else self._names
        with contextlib.chdir(self.root), contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(quote.source, self.page.path, "exec"), names)
        return output.getvalue()

    def _save_models(self, source: str) -> None:
        from tests.docs import taught_models

        names = {name for name in taught_models.MODELS if name in source} - self._models
        taught_models.save_all(self.root, sorted(names))
        self._models |= names

    def _command(self, command: str) -> str:
        # tests/test_packaging.py runs make itself.
        command = re.sub(r"^make translate TEXT=", "clearhead translate -- ", command)
        environment = {
            **os.environ,
            "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(SOURCES),
            "PYTHONUTF8": "1",
        }
        run = subprocess.run(
            ["bash", "-c", command], cwd=self.root, env=environment, capture_output=True,
            text=True, encoding="utf-8",
        )  # fmt: skip
        if run.returncode or "translated as a text" in run.stderr:
            raise RuntimeError(f"{command} ended with status {run.returncode}:\n{run.stderr}")
        return run.stdout


@contextlib.contextmanager
def workshop(page: Page) -> Iterator[Workshop]:
    """Open a workshop in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Workshop(Path(folder), page)


def renew(text: str, outputs: list[tuple[Quote, str]]) -> tuple[str, list[Quote]]:
    """Return a page with new outputs, and the quotes that a person has to renew."""
    by_hand = []
    for quote, printed in sorted(outputs, key=lambda one: one[0].start, reverse=True):
        output = renewed(printed, quote.output or "")
        if output is None:
            by_hand.append(quote)
        else:
            text = text[: quote.start] + output + text[quote.stop :]
    return text, by_hand[::-1]


def check(page: Page, *, write: bool) -> int:
    """Run a page, say what differs, and return how many outputs are left to a person."""
    quotes = page.quotes()
    with workshop(page) as place:
        outputs = [(quote, place.printed(quote)) for quote in quotes]
    differing = [(quote, text) for quote, text in outputs if not page.agrees(text, quote)]
    print(f"{page.path}: {len(quotes) - len(differing)} of {len(quotes)} print what is shown")
    for quote, printed in differing:
        lines = difflib.unified_diff(
            (quote.output or "").splitlines(), printed.splitlines(), "shown", "printed", lineterm=""
        )
        print(f"  {quote.name}", *lines, sep="\n    ")
    if not write:
        return len(differing)
    text, by_hand = renew(page.text, differing)
    (ROOT / page.path).write_text(text, encoding="utf-8")
    for quote in by_hand:
        print(f"  by hand, since its lines stand between two {ELISION!r}: {quote.name}")
    return len(by_hand)


def main(arguments: list[str] | None = None) -> int:
    """Run the pages that are named, or all; see the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("pages", nargs="*", help="from the repository's root [all]")
    parser.add_argument("--write", action="store_true", help="put what is printed in its place")
    options = parser.parse_args(arguments)
    pages = {page.path: page for page in PAGES}
    if unknown := set(options.pages) - set(pages):
        parser.error(f"{min(unknown)} shows no outputs; these do: {', '.join(pages)}")
    left = [check(pages[name], write=options.write) for name in options.pages or pages]
    if not options.pages:
        left.append(model_facts.check(write=options.write))
    return 1 if sum(left) else 0


if __name__ == "__main__":
    sys.exit(main())
