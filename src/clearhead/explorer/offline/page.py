"""Makes one HTML file with a sentence's numbers, which needs neither network nor server."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigError
from ..contract.answers import Answer, Answering, OfflineAnswer
from ..contract.arrays import encode
from ..contract.questions import OfflineQuestion
from ..contract.reading import read_question
from .answers import EFFECT_SECONDS, LEVELS, PageAnswers

BUILD = Path(__file__).parent.parent / "built"
MOST_BYTES = 4_000_000
# The most numbers gathered for a page; of more, only the chosen layer's are kept.
MOST_NUMBERS = 50_000_000
# A data block is not a script: the policy need not allow it, and nothing executes it.
ANSWERS = "clearhead-answers"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="clearhead {version}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="clearhead" class="clearhead"></div>
<noscript>The numbers of this page are shown by the script in it, so it needs JavaScript.</noscript>
<script type="application/octet-stream" id="{answers}">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def offline_html(
    explorer: Answering,
    request: Mapping[str, Any],
    *,
    view_state: str = "",
    most_bytes: int = MOST_BYTES,
    effect_seconds: float = EFFECT_SECONDS,
) -> str:
    """Return the page of one sentence as one file.

    It holds the answers to ``model``, ``run``, ``beam`` (at the width shown) and ``overview``; the
    effects of the chosen query, and of other queries of the chosen head as far as time allows;
    every step of every layer and head, but of logits and probabilities only those of the ten
    likeliest words and of the actual one; the weight matrices of the chosen attention, exactly;
    the norms' weights, all biases, and the embedding rows of the words on the page. For all other
    questions, the page says that this file does not hold the answer.

    Numbers are the reference's float64, bit for bit, if the file then stays within ``most_bytes``.
    If not, they are rounded to float32, and if that is not enough, only the chosen layer's steps
    are kept; the page says both.

    Args:
        explorer: answers the questions.
        request: of the run, as in the question ``run``.
        view_state: the # part of the page's address: the state in which the file opens.
        most_bytes: the largest size of the file. A very long sentence may exceed it.
        effect_seconds: the time for computing effects of further queries.

    Returns:
        the HTML.

    Raises:
        ConfigError: the package lacks the built page, the request is invalid, or the page would be
            too large for one file.
    """
    script, style = built_file("explorer.js"), built_file("explorer.css")
    answers = PageAnswers(explorer, request, view_state, effect_seconds)
    page = ""
    for content in LEVELS:
        if content != LEVELS[-1] and answers.count(content) > MOST_NUMBERS:
            continue
        data = encode(*answers.pack(content))
        page = _page(script, style, data, _title(answers.run))
        if len(page.encode("utf-8")) <= most_bytes:
            break
    return page


def offline_answer(explorer: Answering, params: Mapping[str, Any] | OfflineQuestion) -> Answer:
    """Return the answer to the question ``offline``.

    Args:
        explorer: answers the questions.
        params: ``{run, state}``: the request of a run, and the # part of the page's address.

    Returns:
        ``{"name": ...}``, a name for the file, and the array ``html``, its bytes in UTF-8.

    Raises:
        ConfigError: a parameter is missing or unknown, or the package lacks the built page.
    """
    question = read_question(OfflineQuestion, params)
    page = offline_html(explorer, question.run.to_dict(), view_state=question.state)
    answer: OfflineAnswer = {"name": "clearhead.html"}
    return Answer(answer, {"html": np.frombuffer(page.encode("utf-8"), np.uint8)})


def built_file(name: str) -> str:
    """Return the text of a file of the built page.

    Raises:
        ConfigError: it does not exist, because the front end was never built.
    """
    try:
        return (BUILD / name).read_text("utf-8")
    except OSError as error:
        raise ConfigError(
            f"The explorer's page is not built: {name} is missing from this installation "
            f"({error}). Install clearhead from a wheel, or build the page in "
            f"src/clearhead/explorer/front with: npm ci && npm run build"
        ) from error


def _page(script: str, style: str, answers: bytes, title: str) -> str:
    # Inside a script element, these two would end it or hide what follows.
    script = _one_line_end(script).replace("</script", r"<\/script").replace("<!--", r"\x3C!--")
    style = _one_line_end(style).replace("</style", r"<\/style")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )
    from ..._version import __version__

    # With mtime=0, the same sentence always gives the same file.
    data = base64.b64encode(gzip.compress(answers, 6, mtime=0)).decode("ascii")
    return _PAGE.format(
        policy=policy,
        version=__version__,
        title=html.escape(title),
        style=style,
        answers=ANSWERS,
        data=data,
        script=script,
    )


def _one_line_end(text: str) -> str:
    """Return a text with line feeds as its only line ends, as a browser hashes it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _title(run: Mapping[str, Any]) -> str:
    if run["translation"] is None:
        return "clearhead"
    return f"{run['text']} → {run['translation']} · clearhead"
