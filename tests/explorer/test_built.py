"""What is shipped built is what the sources give, small, and asks nobody else for anything."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

import clearhead.explorer
from tests.explorer.node import FRONT, run_node

EXPLORER = Path(clearhead.explorer.__file__).parent
PAGE = EXPLORER / "built"
NAMES = ["explorer.css", "explorer.js", "index.html", "widget.css", "widget.js"]


def content(name: str) -> str:
    return (PAGE / name).read_text("utf-8")


def test_a_rebuild_gives_the_same_bytes(tmp_path):
    run_node("build.mjs", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES
    for name in NAMES:
        same = (tmp_path / name).read_bytes() == (PAGE / name).read_bytes()
        assert same, f"{name} is older than its sources: npm run build, in {FRONT}"


def test_the_files_are_those_and_small():
    assert sorted(path.name for path in PAGE.iterdir()) == NAMES
    sizes = {name: len(gzip.compress((PAGE / name).read_bytes(), 9)) for name in NAMES}
    # What a browser loads for the page; the widget has the same views in it.
    page = sum(size for name, size in sizes.items() if not name.startswith("widget"))
    assert page < 160_000, sizes
    assert sum(sizes.values()) < 400_000, sizes


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_says_where_or_when_it_was_built(name):
    text = content(name)
    assert str(EXPLORER.parent) not in text
    assert str(Path.home()) not in text or Path.home() == Path("/")
    assert "node_modules" not in text
    assert not re.search(r"\b20\d\d-\d\d-\d\dT", text)
    assert "sourceMappingURL" not in text


def test_nothing_is_loaded_from_elsewhere():
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}
    namespaces |= {"http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink"}
    for name in NAMES:
        code = re.sub(r"/\*!.*?\*/", "", content(name), flags=re.DOTALL)  # the licences
        addresses = set(re.findall(r"https?://[^\s\"'`)<]+", code))
        assert addresses <= namespaces, (name, addresses - namespaces)
        assert "@import" not in code
        assert "@font-face" not in code


def test_the_page_fits_its_content_security_policy():
    html = content("index.html")
    assert "style=" not in html
    assert "<style" not in html
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert [bool(body.strip()) for _, body in scripts] == [False]
    assert 'src="explorer.js"' in scripts[0][0]
    for name in ("explorer.js", "widget.js"):
        assert not re.search(r"\beval\(|new Function\b", content(name)), name


def test_every_rule_of_style_is_within_the_page():
    css = re.sub(r"/\*.*?\*/", "", content("explorer.css"), flags=re.DOTALL)
    css = re.sub(r"@keyframes [\w-]+\{(?:[^{}]*\{[^{}]*\})*\}", "", css)
    rules = [rule for rule in re.findall(r"([^{}]+)\{", css) if not rule.startswith("@")]
    assert len(rules) > 50
    outside = [
        selector
        for rule in rules
        for selector in re.split(r",(?![^(]*\))", rule)
        if ".clearhead" not in selector and "#clearhead" not in selector
    ]
    assert not outside


def test_what_is_bundled_is_named_with_its_licence():
    lock = json.loads((FRONT / "package-lock.json").read_text("utf-8"))["packages"]
    bundled = {
        path.removeprefix("node_modules/"): entry["version"]
        for path, entry in lock.items()
        if path and not entry.get("dev")
    }
    assert set(bundled) == {"preact", "@preact/signals", "@preact/signals-core"}
    for name in ("explorer.js", "widget.js"):
        comment = re.match(r"/\*!.*?\*/", content(name), re.DOTALL)
        for package, version in bundled.items():
            assert f"{package} {version}" in comment[0]
        assert comment[0].count("MIT License") == len(bundled)


def test_versions_are_exact_and_those_of_the_lock():
    package = json.loads((FRONT / "package.json").read_text("utf-8"))
    lock = json.loads((FRONT / "package-lock.json").read_text("utf-8"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert lock[""][kind] == package[kind]
        for name, version in package[kind].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version)
            assert lock[f"node_modules/{name}"]["version"] == version


# Type: five sizes for everything, and a larger set of the same five for a projector

PIXELS = 16  # of a rem, where the reader has not chosen otherwise
SIZES = ("small", "text", "lead", "title", "display")
SMALLEST, MOST_SIZES = 13, 5


def rules() -> list[tuple[str, str]]:
    """Selectors and declarations of the page's style sheet as it is shipped."""
    css = re.sub(r"/\*.*?\*/", "", content("explorer.css"), flags=re.DOTALL)
    return re.findall(r"([^{}]+)\{([^{}]*)\}", css)


def declared() -> list[dict[str, float]]:
    """The sets of sizes, in pixels, in the order in which they are declared."""
    sets = []
    for _, body in rules():
        found = re.findall(r"--type-(\w+): ?([\d.]+)rem", body)
        if found:
            sets.append({name: float(size) * PIXELS for name, size in found})
    return sets


def test_there_are_five_sizes_and_none_is_under_13_pixels():
    for sizes in declared():
        assert tuple(sizes) == SIZES
        assert len(sizes) <= MOST_SIZES
        assert min(sizes.values()) >= SMALLEST
        assert list(sizes.values()) == sorted(set(sizes.values()))


def test_a_projector_has_the_same_five_all_larger():
    desk, projector = declared()
    assert all(projector[name] > 1.3 * desk[name] for name in SIZES)


def test_every_rule_takes_one_of_the_sizes():
    others = []
    uses = 0
    for selector, body in rules():
        for name, value in re.findall(r"(?:^|;)(font(?:-size)?):([^;]+)", body):
            taken = re.findall(r"var\(--type-(\w+)\)", value)
            uses += len(taken)
            if value.strip() == "inherit" or (len(taken) == 1 and taken[0] in SIZES):
                continue
            others.append(f"{selector.strip()}: {name}: {value}")
    assert not others
    assert uses > 50
