"""A notebook's page that shows the built widget, with Python's side of it answering for real."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from clearhead.explorer.offline.page import built_file
from clearhead.explorer.widget import reply_to

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOST = "http://notebook.test"
# Colab shows a cell's output in a frame of another origin, as high as what is in it.
OUTSIDE = "http://outside.test"
FRAME = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Cells</title></head>
<body><iframe title="Output" src="{HOST}/" style="width: 60rem; height: 15000px"></iframe></body>
"""
# What anywidget gives to a widget: one model, of which there may be several views.
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Notebook</title>
</head><body><div id="cell"></div><div id="other"></div>
<script type="module">
import widget from "/widget.js";
const sheet = await (await fetch("/widget.css")).text();
class Model {
  constructor(name, state) {
    this.name = name;
    this.traits = { state, style_sheet: sheet };
    this.heard = {};
  }
  get(trait) { return this.traits[trait]; }
  set(trait, value) {
    this.traits[trait] = value;
    for (const listener of this.heard[`change:${trait}`] ?? []) listener();
  }
  save_changes() { this.saved = this.traits.state; }
  on(event, listener) { (this.heard[event] ??= []).push(listener); }
  off(event, listener) {
    this.heard[event] = (this.heard[event] ?? []).filter((one) => one !== listener);
  }
  async send(content) {
    const { reply, data } = await window.askPython(this.name, content);
    // A view into a longer message, at an odd place, as a notebook's connection gives it.
    const buffers = data.map((text) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const message = new Uint8Array(bytes.length + 9);
      message.set(bytes, 5);
      return new DataView(message.buffer, 5, bytes.length);
    });
    for (const listener of this.heard["msg:custom"] ?? []) listener(reply, buffers);
  }
}
window.show = (cell, name, state) => {
  const model = new Model(name, state);
  (window.models ??= {})[cell] = model;
  window.ends ??= {};
  window.ends[cell] = widget.render({ model, el: document.getElementById(cell) });
};
window.ready = true;
</script></body></html>"""


def notebook(browser: Browser, errors: list[str], **explorers: Any) -> Page:
    """A page with two cells; ``show(cell, name, state)`` puts the widget of an explorer into one.

    Args:
        browser: to open it in.
        errors: takes what goes wrong, and what would be fetched from elsewhere.
        explorers: what answers, by name.
    """
    files = {
        "/": ("text/html", PAGE),
        "/widget.js": ("text/javascript", built_file("widget.js")),
        "/widget.css": ("text/css", built_file("widget.css")),
        "/favicon.ico": ("image/x-icon", ""),
    }

    def fulfil(route: Any) -> None:
        path = route.request.url.removeprefix(HOST)
        if path == f"{OUTSIDE}/":
            route.fulfill(content_type="text/html", body=FRAME)
        elif path.removeprefix(OUTSIDE) == "/favicon.ico":
            route.fulfill(content_type="image/x-icon", body="")
        elif path in files:
            route.fulfill(content_type=files[path][0], body=files[path][1])
        else:
            errors.append(f"fetched {route.request.url}")
            route.abort()

    def ask(name: str, content: Any) -> dict[str, Any]:
        reply, data = reply_to(explorers[name], content)
        return {"reply": reply, "data": [base64.b64encode(one).decode("ascii") for one in data]}

    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    context.route("**/*", fulfil)
    page = context.new_page()
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.expose_function("askPython", ask)
    page.goto(f"{HOST}/")
    page.wait_for_function("window.ready")
    return page


def show_in_frame(page: Page, name: str, state: str = "") -> Any:
    """Show a widget in a frame of another origin; the cell's element."""
    page.goto(f"{OUTSIDE}/")
    frame = page.frame(url=f"{HOST}/")
    frame.wait_for_function("window.ready")
    frame.evaluate("([name, state]) => show('cell', name, state)", [name, state])
    return frame.locator("#cell")


def show(page: Page, name: str, state: str = "", cell: str = "cell") -> Any:
    """Show a widget; the cell's element."""
    page.evaluate("([cell, name, state]) => show(cell, name, state)", [cell, name, state])
    return page.locator(f"#{cell}")
