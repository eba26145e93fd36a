"""The explorer as a notebook widget for JupyterLab, VS Code, Colab and marimo, with anywidget.

The widget contains the page's script and style, and the page sends its questions as messages, so
nothing is downloaded:

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
        state: the state that the page shows, as in the # part of the page's address; it is
            synchronised in both directions.
        style_sheet: the page's style for a notebook cell.

    Args:
        explorer: answers the page's questions.
        state: the page's initial state.

    Raises:
        ConfigError: the package lacks the built page.
    """

    _esm = built_file("widget.js")
    # Not `_css`, which a notebook applies to its whole page: the widget has its own shadow tree.
    style_sheet = traitlets.Unicode(built_file("widget.css"), read_only=True).tag(sync=True)
    state = traitlets.Unicode("").tag(sync=True)

    def __init__(self, explorer: Answering, *, state: str = "") -> None:
        super().__init__(state=state)
        self.explorer = explorer
        self.on_msg(self._on_message)

    def _on_message(self, _: Any, content: Any, buffers: Sequence[Any]) -> None:
        if not isinstance(content, Mapping) or "question" not in content:
            return  # of another kind, such as messages of the notebook's own tools
        reply, data = reply_to(self.explorer, content)
        self.send(reply, buffers=data)


def reply_to(explorer: Answering, message: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the reply to a message of the page: plain values, and the answer as a container.

    Args:
        explorer: answers questions.
        message: ``{id, question, params}``.

    Returns:
        ``{id}`` and one buffer; or ``{id, error: {kind, message}}`` and no buffer, whatever the
        error.
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
