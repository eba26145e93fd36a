"""What is shipped built is what the sources give, small, and asks nobody else for anything."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import clearhead.explorer

EXPLORER = Path(clearhead.explorer.__file__).parent
FRONT, BUILT = EXPLORER / "front", EXPLORER / "built"
NAMES = ["explorer.css", "explorer.js", "index.html", "widget.css", "widget.js"]


def npm_installed() -> str:
    """The path of node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node 20 or later, to build the explorer's page")
    if not (FRONT / "node_modules").is_dir():
        pytest.skip(f"needs the page's packages: npm ci, in {FRONT.name}/")
    return node


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=FRONT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def built(name: str) -> str:
    return (BUILT / name).read_text("utf-8")


def test_a_rebuild_gives_the_same_bytes(tmp_path):
    run(npm_installed(), "build.mjs", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES
    for name in NAMES:
        same = (tmp_path / name).read_bytes() == (BUILT / name).read_bytes()
        assert same, f"{name} is older than its sources: npm run build, in {FRONT}"


def test_the_types_hold():
    npm_installed()
    run(str(FRONT / "node_modules" / ".bin" / "tsc"), "--noEmit")


def test_the_files_are_those_and_small():
    assert sorted(path.name for path in BUILT.iterdir()) == NAMES
    packed = {name: len(gzip.compress((BUILT / name).read_bytes(), 9)) for name in NAMES}
    # What a browser loads for the page; the widget has the same views in it.
    page = sum(size for name, size in packed.items() if not name.startswith("widget"))
    assert page < 150_000, packed
    assert sum(packed.values()) < 400_000, packed


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_says_where_or_when_it_was_built(name):
    text = built(name)
    assert str(EXPLORER.parent) not in text
    assert str(Path.home()) not in text or Path.home() == Path("/")
    assert "node_modules" not in text
    assert not re.search(r"\b20\d\d-\d\d-\d\dT", text)
    assert "sourceMappingURL" not in text


def test_nothing_is_loaded_from_elsewhere():
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}
    namespaces |= {"http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink"}
    for name in NAMES:
        code = re.sub(r"/\*!.*?\*/", "", built(name), flags=re.DOTALL)  # the licences
        found = set(re.findall(r"https?://[^\s\"'`)<]+", code))
        assert found <= namespaces, (name, found - namespaces)
        assert "@import" not in code
        assert "@font-face" not in code


def test_the_page_fits_its_content_security_policy():
    html = built("index.html")
    assert "style=" not in html
    assert "<style" not in html
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert [bool(body.strip()) for _, body in scripts] == [False]
    assert 'src="explorer.js"' in scripts[0][0]
    for name in ("explorer.js", "widget.js"):
        assert not re.search(r"\beval\(|new Function\b", built(name)), name


def test_every_rule_of_style_is_within_the_page():
    css = re.sub(r"/\*.*?\*/", "", built("explorer.css"), flags=re.DOTALL)
    css = re.sub(r"@keyframes [\w-]+\{(?:[^{}]*\{[^{}]*\})*\}", "", css)
    selectors = [found for found in re.findall(r"([^{}]+)\{", css) if not found.startswith("@")]
    assert len(selectors) > 50
    outside = [
        one
        for found in selectors
        for one in re.split(r",(?![^(]*\))", found)
        if ".clearhead" not in one and "#clearhead" not in one
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
        comment = re.match(r"/\*!.*?\*/", built(name), re.DOTALL)
        for package, version in bundled.items():
            assert f"{package} {version}" in comment[0]
        assert comment[0].count("MIT License") == len(bundled)


def test_versions_are_exact():
    package = json.loads((FRONT / "package.json").read_text("utf-8"))
    for version in {**package["dependencies"], **package["devDependencies"]}.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
