"""The explorer as a notebook widget: JupyterLab, VS Code, Colab and marimo, through anywidget.

The page's script and style travel with the widget, and its questions come as messages, so nothing
is fetched from anywhere:

    to Python       {id, question, params}
    to the page     {id} and one buffer, a container (see `arrays`); or {id, error: {kind, message}}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from ..errors import ClearheadError, ConfigError
from .contract.answers import Answer, Answering
from .contract.arrays import encode
from .offline.page import built_file, offline_answer

_log = logging.getLogger(__name__)


class ExplorerWidget(anywidget.AnyWidget):
    """The explorer's page in a notebook's cell.

    Attributes:
        state: what the page shows, as it stands behind the # of the page's address; it follows
            the page, and the page follows it.
        style_sheet: the page's style, as it is in a cell.

    Args:
        explorer: answers the page's questions.
        state: what the page begins with.

    Raises:
        ConfigError: the package lacks the built page.
    """

    _esm = built_file("widget.js")
    # Not `_css`, which a notebook gives to its whole page: the widget has a tree of its own.
    style_sheet = traitlets.Unicode(built_file("widget.css"), read_only=True).tag(sync=True)
    state = traitlets.Unicode("").tag(sync=True)

    def __init__(self, explorer: Answering, *, state: str = "") -> None:
        super().__init__(state=state)
        self.explorer = explorer
        self.on_msg(self._on_message)

    def _on_message(self, _: Any, content: Any, buffers: Sequence[Any]) -> None:
        if not isinstance(content, Mapping) or "question" not in content:
            return  # of another kind, such as what a notebook's own tools send
        reply, data = reply_to(self.explorer, content)
        self.send(reply, buffers=data)


def reply_to(explorer: Answering, message: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the reply to a message of the page: plain values, and the answer as one container.

    Args:
        explorer: answers questions.
        message: ``{id, question, params}``.

    Returns:
        ``{id}`` and one buffer; or ``{id, error: {kind, message}}`` and none, whatever went wrong.
    """
    number = message.get("id")
    try:
        answer = _answer(explorer, message)
        return {"id": number}, [encode(answer.json, answer.arrays)]
    except ClearheadError as error:
        return {"id": number, "error": {"kind": type(error).__name__, "message": str(error)}}, []
    except Exception as error:
        _log.exception("The explorer's widget could not answer %r.", message.get("question"))
        text = (
            f"The explorer failed to answer ({type(error).__name__}: {error}). This is a fault in "
            f"clearhead; the notebook's log has the details."
        )
        return {"id": number, "error": {"kind": "Fault", "message": text}}, []


def _answer(explorer: Answering, message: Mapping[str, Any]) -> Answer:
    question, params = message.get("question"), message.get("params", {})
    if not isinstance(question, str) or not isinstance(params, Mapping):
        raise ConfigError(
            f"A message to the explorer is {{id, question, params}}, a name and an object; got "
            f"{type(question).__name__} and {type(params).__name__}."
        )
    if question == "offline":
        return offline_answer(explorer, params)
    return explorer.answer(question, params)
