"""The widget's side in Python, on a wire that is only a list; and what explore() chooses."""

from __future__ import annotations

import builtins
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ipywidgets.widgets import widget as ipywidgets_widget

import clearhead.explorer
from clearhead.errors import ClearheadError, ConfigError, MissingExtraError
from clearhead.explorer import explore, explorer_of, in_notebook
from clearhead.explorer.contract.arrays import decode
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.widget import ExplorerWidget, reply_to
from clearhead.translation.checkpoint import Checkpoint

RUN = {"text": "a", "target": "b"}


class Wire:
    """What a notebook's connection is to a widget: messages out, and a listener for those in."""

    def __init__(self, **opened: Any) -> None:
        self.comm_id = "one"
        self.opened = opened
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []

    def on_msg(self, listener: Any) -> None:
        self.listener = listener

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        self.sent.append((data, buffers or []))

    def close(self, *_: Any, **__: Any) -> None:
        pass

    def ask(self, content: Any) -> None:
        """A message from the page."""
        self.listener(
            {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
        )

    def replies(self) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [(one["content"], data) for one, data in self.sent if one["method"] == "custom"]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made: list[Wire] = []

    def create(**opened: Any) -> Wire:
        made.append(Wire(**opened))
        return made[-1]

    monkeypatch.setattr(ipywidgets_widget.comm, "create_comm", create)
    return made  # type: ignore[return-value]


@pytest.fixture
def widget(explorer: Explorer, wire: Any) -> tuple[ExplorerWidget, Wire]:
    shown = ExplorerWidget(explorer, state="#text=a")
    return shown, wire[-1]


def test_the_page_travels_with_the_widget(widget: tuple[ExplorerWidget, Wire]) -> None:
    state = widget[1].opened["data"]["state"]
    assert "export default" in state["_esm"]
    assert ".clearhead" in state["style_sheet"]
    assert not state.get("_css")  # it would be the whole notebook's
    assert state["state"] == "#text=a"
    for part in ("_esm", "style_sheet"):
        assert "import(" not in state[part]
        assert "url(" not in state[part]


def test_a_question_is_answered_with_one_container(
    explorer: Explorer, widget: tuple[ExplorerWidget, Wire]
) -> None:
    items = [{"path": "encoder.embedding", "window": None}]
    widget[1].ask({"id": "x-7", "question": "array", "params": {"run": RUN, "items": items}})
    ((reply, (data,)),) = widget[1].replies()
    assert reply == {"id": "x-7"}
    json, arrays = decode(data)
    direct = explorer.answer("array", {"run": RUN, "items": items})
    assert json == direct.json
    np.testing.assert_array_equal(arrays["0"], direct.arrays["0"])


def test_an_answer_without_arrays_is_a_container_too(widget: tuple[ExplorerWidget, Wire]) -> None:
    widget[1].ask({"id": "1", "question": "model", "params": {}})
    ((_, (data,)),) = widget[1].replies()
    json, arrays = decode(data)
    assert json["kind"] == "translation"
    assert arrays == {}


def test_the_page_can_be_saved_from_a_notebook(widget: tuple[ExplorerWidget, Wire]) -> None:
    widget[1].ask({"id": "1", "question": "offline", "params": {"run": RUN, "state": ""}})
    ((_, (data,)),) = widget[1].replies()
    assert decode(data)[1]["html"].tobytes().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("question", "params", "kind", "words"),
    [
        ("nonsense", {}, "ConfigError", "There is no question 'nonsense'"),
        ("run", {"text": ""}, "TextError", "empty"),
        ("run", None, "ConfigError", "a name and an object; got str and NoneType"),
        (3, {}, "ConfigError", "a name and an object; got int and dict"),
    ],
)
def test_errors_reach_the_page_as_over_http(
    widget: tuple[ExplorerWidget, Wire], question: Any, params: Any, kind: str, words: str
) -> None:
    widget[1].ask({"id": "1", "question": question, "params": params})
    ((reply, data),) = widget[1].replies()
    assert data == []
    assert reply["id"] == "1"
    assert reply["error"]["kind"] == kind
    assert words in reply["error"]["message"]


def test_a_fault_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty:
        def answer(self, name: str, params: Any = None) -> Any:
            return 1 / 0

    reply, data = reply_to(Faulty(), {"id": "1", "question": "run", "params": {}})
    assert data == []
    assert reply["error"]["kind"] == "Fault"
    assert "ZeroDivisionError: division by zero" in reply["error"]["message"]
    assert "could not answer 'run'" in caplog.text


@pytest.mark.parametrize("content", ["text", 3, None, {"type": "anywidget-command"}, []])
def test_other_messages_are_left_to_others(
    widget: tuple[ExplorerWidget, Wire], content: Any
) -> None:
    widget[1].ask(content)
    assert widget[1].replies() == []


def test_state_is_shared_both_ways(widget: tuple[ExplorerWidget, Wire]) -> None:
    shown, wire = widget
    shown.state = "#text=b"
    assert wire.sent[-1][0]["state"] == {"state": "#text=b"}
    update = {"method": "update", "state": {"state": "#text=c"}, "buffer_paths": []}
    wire.listener({"content": {"data": update}, "buffers": []})
    assert shown.state == "#text=c"


# explore()


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch, wire: Any) -> None:
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_in_a_notebook_it_is_a_widget(notebook: None, checkpoint: Checkpoint) -> None:
    shown = explore(checkpoint, "Où est-ce ?")
    assert isinstance(shown, ExplorerWidget)
    assert shown.state == "#text=O%C3%B9%20est-ce%20%3F"
    assert shown.explorer.answer("model").json["kind"] == "translation"


def test_elsewhere_it_is_a_page(monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint) -> None:
    served: list[Any] = []

    def serve(load: Any, named: str, **how: Any) -> None:
        served.append((load(), named, how))

    monkeypatch.setattr("clearhead.explorer.server.serve.serve", serve)
    monkeypatch.setattr(clearhead.explorer, "in_notebook", lambda: False)
    assert explore(checkpoint, "tea", port=0, open_page=False) is None
    ((explorer, named, how),) = served
    assert isinstance(explorer, Explorer)
    assert named == checkpoint.folder.name
    assert (how["state"], how["port"], how["open_page"]) == ("#text=tea", 0, False)


def test_a_notebook_without_anywidget_says_what_to_install(
    notebook: None, monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint
) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "anywidget":
            raise ImportError("no anywidget", name="anywidget")
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "anywidget", raising=False)
    monkeypatch.setattr(
        "clearhead.errors.importlib.import_module",
        lambda name: missing(name),
    )
    with pytest.raises(MissingExtraError, match=r'pip install "clearhead\[notebook\]"'):
        explore(checkpoint)


def test_which_places_are_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPython", "marimo"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert not in_notebook()
    shell = SimpleNamespace()  # IPython in a terminal has no kernel
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert not in_notebook()
    shell.kernel = object()
    assert in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace(running_in_notebook=lambda: True))
    assert in_notebook()


def test_recordings_are_explored_by_their_own(tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    from clearhead.explorer.recordings.explorer import RecordingExplorer
    from clearhead.maps import AttentionMap

    one = AttentionMap.of(torch.randn(1, 2, 3, 4), torch.randn(1, 2, 3, 4))
    explorer = explorer_of(one, tokens=list("abc"))
    assert isinstance(explorer, RecordingExplorer)
    (entry,) = explorer.answer("run").json["attention"]
    assert [token["piece"] for token in entry["key_tokens"]] == ["a", "b", "c"]
    assert explorer_of(explorer) is explorer


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (lambda: explorer_of(3), ConfigError, "shows a .*; got int"),
        (lambda: explorer_of("en-fr", tokens=["a"]), ConfigError, "names its own. Leave them out"),
        (lambda: explorer_of("nowhere.safetensors"), ClearheadError, "Cannot read the recording"),
        (lambda: explorer_of("no-model"), ClearheadError, "There is no model 'no-model'"),
        (lambda: explore("en-fr", "a", state="#text=b"), ConfigError, "not both"),
    ],
)
def test_what_cannot_be_explored_is_refused_in_words(
    asked: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        asked()
