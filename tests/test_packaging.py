"""What a user gets: the light set, the extras, and a `make` that hands the text over untouched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import clearhead

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
FULL = (ROOT / "requirements" / "full.txt").read_text("utf-8")
make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name_of(name): version for name, version in pairs}


def hashed(name: str) -> dict[str, str]:
    """The packages of a file with hashes, and their versions."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return {
        name_of(package): version
        for package, version in re.findall(r"^([\w-]+)==([\w.]+)", text, re.M)
    }


def test_the_light_set_is_four_packages():
    light = {name_of(requirement) for requirement in PROJECT["dependencies"]}
    assert light == {"click", "numpy", "safetensors", "tokenizers"}
    assert set(hashed("light")) == light


@pytest.mark.parametrize("name", ["light", "explore", "full"])
def test_what_is_installed_with_hashes_has_the_pinned_versions(name):
    assert f"--require-hashes -r requirements/{name}.txt" in MAKEFILE
    pins = pinned()
    versions = hashed(name)
    assert versions == {package: pins[package] for package in versions}
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert all(len(digest) == 64 for digest in re.findall(r"--hash=sha256:(\w+)", text))
    for package in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in package, package.splitlines()[0]


def test_everything_that_make_test_installs_has_hashes_but_pytorch():
    """What `.[dev]` needs by its own names; what those need is installed without asking further."""
    extras = PROJECT["optional-dependencies"]

    def needs(extra: str) -> set[str]:
        parts = set()
        for item in extras[extra]:
            inner = re.fullmatch(r"clearhead\[(.*)\]", item)
            if inner:
                parts |= set().union(*(needs(name) for name in inner[1].split(",")))
            else:
                parts.add(name_of(item))
        return parts

    names = {name_of(name) for name in re.findall(r"^([\w.-]+)==", FULL, re.M)}
    assert needs("dev") - names == {"torch"}
    assert names - pinned().keys() == set()


def test_ranges_are_open_and_every_one_is_pinned_for_the_makefile():
    pins = pinned()
    extras = PROJECT["optional-dependencies"].values()
    for requirement in [*PROJECT["dependencies"], *(item for extra in extras for item in extra)]:
        if name_of(requirement) == "clearhead":
            continue
        assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement), requirement
        assert name_of(requirement) in pins, f"{requirement} is not in constraints.txt"
    assert pins["torch"] == "2.13.0"
    assert "torch>=2.11" in PROJECT["optional-dependencies"]["torch"]


def test_every_extra_that_an_error_names_exists():
    extras = set()
    for path in (ROOT / "src").rglob("*.py"):
        extras |= set(re.findall(r"extra=\"(\w+)\"", path.read_text("utf-8")))
    assert extras <= set(PROJECT["optional-dependencies"])


def test_fetching_and_sentencepiece_bring_one_package_each():
    extras = PROJECT["optional-dependencies"]
    assert [name_of(item) for item in extras["hub"]] == ["huggingface-hub"]
    assert [name_of(item) for item in extras["sentencepiece"]] == ["sentencepiece"]


def test_everything_is_in_the_extra_all():
    extras = PROJECT["optional-dependencies"]
    parts = {part for item in extras["all"] for part in re.findall(r"\w+", item.partition("[")[2])}
    assert parts == extras.keys() - {"all", "test", "bench", "docs", "dev"}


def test_the_wheel_has_the_built_page_and_not_its_sources():
    wheel = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    paths = {file.distribution_path for file in wheel.recurse_included_files()}
    for name in ("explorer.js", "explorer.css", "index.html", "widget.js", "widget.css"):
        assert f"clearhead/explorer/built/{name}" in paths
    assert not [path for path in paths if "/front/" in path or "node_modules" in path]


def test_no_file_of_ours_names_a_package_index():
    for name in ("Makefile", "pyproject.toml", "constraints.txt", ".ci/run"):
        assert not re.search(r"index-url|find-links|https?://", (ROOT / name).read_text("utf-8"))


def test_the_version_is_one():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## .*{re.escape(clearhead.__version__)}", changelog, re.M)


# --- make translate ------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """A folder with our Makefile and an environment that is already set up: a stand-in python
    that prints its arguments, one a line."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / "light.stamp").touch()
    return tmp_path


def call_make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    clean.pop("MFLAGS", None)
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )


AWKWARD = [
    "I would like a cup of tea.",
    "It's \"quoted\", isn't it?",
    "It costs $5, $HOME, ${HOME}, $(shell id) and $$.",
    "100% of `id` & more; a | b > c < d # e",
    "Wait! !! \\ \\n \\",
    "-n",
    "--help",
    "Où est l'été ? 🙂",
    "a * ? [b] {c,d} ~",
]


@make
@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("target", ["translate", "trace"])
def test_the_text_comes_through_untouched(checkout, target, text):
    expected = f"-m\nclearhead\n{target}\n--\n{text}\n"
    outcome = call_make(checkout, target, f"TEXT={text}")
    assert (outcome.stdout, outcome.stderr) == (expected, "")
    outcome = call_make(checkout, target, TEXT=text)
    assert (outcome.stdout, outcome.stderr) == (expected, "")


@make
def test_without_a_text_make_says_how(checkout):
    outcome = call_make(checkout, "translate")
    assert outcome.returncode != 0
    assert outcome.stdout == ""
    assert 'make translate TEXT="I would like a cup of tea."' in outcome.stderr


@make
def test_set_up_speaks_on_standard_error_and_happens_once(checkout):
    (checkout / ".venv" / "light.stamp").unlink()
    first = call_make(checkout, "translate", "TEXT=tea")
    assert first.stdout == "-m\nclearhead\ntranslate\n--\ntea\n"
    assert "-m\npip\ninstall" in first.stderr
    assert "torch" not in first.stderr
    second = call_make(checkout, "translate", "TEXT=tea")
    assert (second.stdout, second.stderr) == (first.stdout, "")


@make
def test_an_old_python_is_named(checkout):
    shutil.rmtree(checkout / ".venv")
    old = checkout / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.10"\nexit 1\n')
    old.chmod(0o755)
    outcome = call_make(checkout, "translate", "TEXT=tea", f"PYTHON={old}")
    assert outcome.returncode != 0
    assert outcome.stdout == ""
    assert f"clearhead needs Python 3.11 or later; {old} is: Python 3.8.10" in outcome.stderr


@make
def test_python_without_venv_is_explained(checkout):
    shutil.rmtree(checkout / ".venv")
    python_without_venv = checkout / "python-bare"
    python_without_venv.write_text('#!/bin/sh\n[ "$2" = venv ] && exit 1\nexit 0\n')
    python_without_venv.chmod(0o755)
    outcome = call_make(checkout, "translate", "TEXT=tea", f"PYTHON={python_without_venv}")
    assert outcome.returncode != 0
    assert outcome.stdout == ""
    assert "apt install python3-venv" in outcome.stderr
