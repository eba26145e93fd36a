"""Real JupyterLab and real marimo, each in a process of its own that ends with the test."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.explorer.served import die_with_parent, end_process, environment, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

SECONDS = 120.0  # for a server to start; the machine may be busy
CODE = "from clearhead.explorer import explore\nshown = explore(state={state!r})\nshown"
MARIMO = """import marimo

app = marimo.App()


@app.cell
def _():
    {body}
    return


if __name__ == "__main__":
    app.run()
"""
# JupyterLab asks the network for news otherwise.
SETTINGS = {
    "apputils-extension/themes": {"theme": "JupyterLab Light"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def need(package: str) -> None:
    """Skip where a notebook's server is not installed."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f'needs {package}: pip install "clearhead[test]"')


@contextlib.contextmanager
def jupyterlab(folder: Path, state: str) -> Iterator[str]:
    """JupyterLab, light, with a notebook of one cell, which shows the explorer when it is run.

    Args:
        folder: an empty one, for the notebook and for all that the server writes.
        state: what the explorer begins with.

    Yields:
        the notebook's address.
    """
    need("jupyterlab")
    home, files = folder / "home", folder / "files"
    _write(files / "try.ipynb", json.dumps(_one_cell(CODE.format(state=state))))
    for name, chosen in SETTINGS.items():
        written = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        _write(written, json.dumps(chosen))
    port, token = _free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={files}"),
        *(f"--LabApp.user_settings_dir={home / 'settings'}", "--expose-app-in-browser"),
        *(f"--LabApp.workspaces_dir={home / 'workspaces'}", "--LabApp.extension_manager=readonly"),
    ]
    folders = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    places = {f"JUPYTER_{name}": str(home / name.lower()) for name in folders}
    base = f"http://127.0.0.1:{port}"
    with _running(command, f"{base}/api?token={token}", home, **places):
        yield f"{base}/lab/tree/try.ipynb?token={token}"


@contextlib.contextmanager
def marimo(folder: Path, state: str) -> Iterator[str]:
    """The same with marimo's editor, dark."""
    need("marimo")
    home, written = folder / "home", folder / "try.py"
    _write(home / "config" / "marimo" / "marimo.toml", '[display]\ntheme = "dark"\n')
    _write(written, MARIMO.format(body=CODE.format(state=state).replace("\n", "\n    ")))
    port, token = _free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "marimo", "--yes", "edit", str(written), "--headless"),
        *("--host", "127.0.0.1", "--port", str(port), "--token-password", token),
        *("--skip-update-check",),
    ]
    places = {f"XDG_{name.upper()}_HOME": str(home / name) for name in ("config", "state", "cache")}
    base = f"http://127.0.0.1:{port}"
    with _running(command, f"{base}/health", home, **places):
        yield f"{base}/?access_token={token}"


@contextlib.contextmanager
def _running(command: list[str], asked: str, home: Path, **more: str) -> Iterator[None]:
    """Start a server and wait until it answers. Asked to end, it ends its kernels first."""
    written = home / "server.log"
    with written.open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment(HOME=str(home), OMP_NUM_THREADS="1", **more),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
        try:
            until(lambda: process.poll() is not None or _answers(asked), SECONDS)
            assert process.poll() is None, written.read_text("utf-8")[-3000:]
            yield
        finally:
            end_process(process)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _one_cell(code: str) -> dict[str, object]:
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "outputs": [], "source": code}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [{**cell, "execution_count": None}],
    }


@dataclass
class Shown:
    """The widget, in the one cell of a notebook.

    Attributes:
        kind: "jupyterlab" or "marimo".
        page: the notebook's.
        widget: the widget's root.
        errors: what the widget wrote to the console.
    """

    kind: str
    page: Page
    widget: Locator
    errors: list[str]


@contextlib.contextmanager
def shown_in(kind: str, browser: Browser, folder: Path, state: str) -> Iterator[Shown]:
    """Start a notebook's server, open the notebook, run its cell, wait for the widget."""
    start = {"jupyterlab": jupyterlab, "marimo": marimo}[kind]
    with start(folder, state) as address:
        context = browser.new_context(
            locale="en-GB", color_scheme="light", viewport={"width": 1280, "height": 900}
        )
        context.set_default_timeout(60_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page, errors = context.new_page(), []
        page.on("console", lambda said: errors.append(said.text) if _of_widget(said) else None)
        page.goto(address)
        if kind == "jupyterlab":
            page.get_by_text("| Idle").wait_for(timeout=1000 * SECONDS)
        page.locator(".cm-content").first.click()
        page.keyboard.press("Control+Enter")
        widget = page.locator(".clearhead")
        widget.locator(".page[aria-busy=false] [role=tabpanel]").wait_for(timeout=1000 * SECONDS)
        yield Shown(kind, page, widget, errors)
        context.close()


def _of_widget(said: ConsoleMessage) -> bool:
    """A notebook loads a widget's script from memory; what it says itself is not ours."""
    return said.type == "error" and said.location["url"].startswith("blob:")
