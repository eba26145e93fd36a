"""The explorer over HTTP: the page's files, the questions, and every error as JSON with words."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError, TraceError
from clearhead.explorer.contract.answers import Answer
from clearhead.explorer.contract.arrays import decode
from clearhead.explorer.contract.documents.openapi import REASONS, openapi
from clearhead.explorer.contract.questions import BeamQuestion, RunQuestion
from clearhead.explorer.contract.reading import QUESTIONS
from clearhead.explorer.contract.values import LIMITS, Limits
from clearhead.explorer.server import app as app_module
from clearhead.explorer.server.app import PAGE, PageFile, create_app
from clearhead.explorer.server.guard import SECURITY
from clearhead.explorer.server.limits import ServerLimits, Workers
from tests.explorer.served import environment

BASE = "http://127.0.0.1:8017"
RUN = {"text": "the old house", "beam_size": 2}


class Scripted:
    """Answers with what a test wants, and remembers what it was asked."""

    def __init__(self, answer=None):
        self.asked, self._answer = [], answer or (lambda: Answer({"fine": True}))

    def answer(self, name, params):
        self.asked.append((name, params))
        return self._answer()


def send(explorer, *requests, limits=None, together=False):
    """Responses to requests, each (method, path, keywords of httpx)."""

    async def run():
        workers = Workers(limits or ServerLimits())
        served = create_app(explorer, port=8017, workers=workers)
        # As a server does: an error of the application is answered and then raised.
        transport = httpx.ASGITransport(app=served, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
            waiting = (client.request(m, p, **more) for m, p, more in requests)
            if together:
                return await asyncio.gather(*waiting)
            return [await each for each in waiting]

    return asyncio.run(run())


def ask(explorer, name, params, **more):
    return send(explorer, ("POST", f"/api/{name}", {"json": params}), **more)[0]


def get(path, **headers):
    return send(Scripted(), ("GET", path, {"headers": headers}))[0]


def error_of(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert SECURITY.items() <= dict(response.headers).items()
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"kind", "message"}
    return response.json()["error"]


# The page


@pytest.mark.parametrize("path", PAGE)
def test_the_files_of_the_page_are_served_as_they_are(path):
    file, media_type = PAGE[path]
    expected = (app_module._HERE / file).read_bytes()
    response = get(path, **{"accept-encoding": "identity"})
    assert (response.status_code, response.content) == (200, expected)
    assert response.headers["content-type"] == media_type
    assert response.headers["cache-control"] == "no-cache"
    assert SECURITY.items() <= dict(response.headers).items()
    packed = get(path, **{"accept-encoding": "br, gzip;q=0.8"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == expected  # httpx has unpacked it
    assert packed.headers["etag"] != response.headers["etag"]


def test_what_a_browser_knows_is_not_sent_again():
    tag = get("/explorer.js").headers["etag"]
    for known in (tag, f'"other", {tag}', "*"):
        again = get("/explorer.js", **{"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert SECURITY.items() <= dict(again.headers).items()
    assert get("/explorer.js", **{"if-none-match": '"other"'}).status_code == 200
    assert get("/explorer.css").headers["etag"] != tag


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip", True), ("*", True), ("br", False), ("gzip;q=0", False), ("gzip; q=0.0", False)],
)
def test_compressed_where_the_client_takes_it(accepted, packed):
    response = get("/explorer.css", **{"accept-encoding": accepted})
    assert ("content-encoding" in response.headers) == packed
    assert response.headers["vary"] == "Accept-Encoding"


def test_the_whole_page_is_under_400_kilobytes_compressed():
    sizes = {
        file: len(gzip.compress((app_module._HERE / file).read_bytes(), 9))
        for file, _ in PAGE.values()
    }
    assert sum(sizes.values()) < 400_000, sizes


def test_the_page_asks_nobody_else():
    """No address of another machine stands in what the browser loads."""
    for file, _ in PAGE.values():
        content = (app_module._HERE / file).read_text("utf-8")
        for found in content.split("://")[1:]:
            assert found.startswith(("www.w3.org/", "127.0.0.1", "localhost")), found[:60]


def test_a_missing_page_says_how_to_build_it(tmp_path):
    with pytest.raises(ConfigError, match=r"npm ci && npm run build"):
        PageFile.read(tmp_path / "explorer.js", "text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        "/index.html", "/built/index.html", "/app.py", "/../app.py", "/%2e%2e/app.py",
        "/..%2fapp.py", "//etc/passwd", "/explorer.js/", "/api", "/docs", "/openapi.json",
        "/explorer.js%00", "/api/run/",
    ],
)  # fmt: skip
def test_nothing_else_is_served(path):
    error = error_of(get(path), 404)
    assert error["kind"] == "NotFound"
    assert "The page is at /, and questions are asked with POST at: /api/model" in error["message"]


# Questions


def test_each_question_reaches_the_explorer_with_its_parameters():
    explorer = Scripted()
    response = ask(explorer, "beam", {"run": RUN, "beam_size": 3})
    assert response.json() == {"fine": True}
    assert response.headers["cache-control"] == "no-store"
    assert explorer.asked == [("beam", BeamQuestion(run=RunQuestion(**RUN), beam_size=3))]


def test_the_explorers_own_limits_bound_what_is_taken():
    explorer = Scripted()
    explorer.limits = Limits(characters=10)
    error = error_of(ask(explorer, "run", RUN), 422)
    assert "A text may have 10 characters here; this one has 13." in error["message"]
    assert explorer.asked == []


def test_a_whole_number_may_be_written_with_a_point():
    explorer = Scripted()
    ask(explorer, "run", {"text": "a", "sentence": 1.0, "beam_size": 2.0})
    ((_, question),) = explorer.asked
    assert (question.sentence, question.beam_size) == (1, 2)
    assert {type(question.sentence), type(question.beam_size)} == {int}
    error_of(ask(explorer, "run", {"text": "a", "sentence": 1.5}), 422)


def test_arrays_come_as_a_container():
    values = np.array([[1.5, -np.inf]])
    response = ask(Scripted(lambda: Answer({"n": 1}, {"a": values})), "overview",
                   {"run": RUN, "part": "cross"})  # fmt: skip
    assert response.headers["content-type"] == "application/octet-stream"
    plain, arrays = decode(response.content)
    assert plain == {"n": 1}
    np.testing.assert_array_equal(arrays["a"], values)


def test_a_real_explorer_answers_every_question_in_its_own_words(explorer):
    run = ask(explorer, "run", {"text": "the old house"}).json()
    # What the page sends back with later questions is what the answer said.
    request = run["request"]
    assert ask(explorer, "run", request).json()["translation"] == run["translation"]
    head = {"run": request, "part": "cross", "layer": 0, "head": 1, "query": 0}
    path = f"{run['attention'][0]['path']}.weights"
    asked = {
        "model": {},
        "words": {"query": "house"},
        "neighbours": {"token": 7, "stack": "encoder"},
        "beam": {"run": request, "beam_size": 2},
        "array": {"run": request, "items": [{"path": path, "window": None}]},
        "overview": {"run": request, "part": "cross"},
        "head_kinds": {"run": request, "part": "cross"},
        "effects": head,
        "lens": {"run": request, "position": 1},
        "gradients": {"run": request, "position": 1},
        "alignment": {"run": request},
        "discovery": {"run": request, "kind": "hide_word"},
        "offline": {"run": request, "state": ""},
    }
    # A sweep has an explorer of its own: tests/explorer/recordings/test_sweep.py.
    assert {*asked, "run", "sweep"} == set(QUESTIONS)
    for name, params in asked.items():
        response = ask(explorer, name, params)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("value", "status"), [(0.01, 200), (100, 200), (0.0099, 422), (100.1, 422), ("1", 422)]
)
def test_bounds_are_the_explorers_own(explorer, value, status):
    edits = [{"kind": "output_temperature", "value": value}]
    assert ask(explorer, "run", {**RUN, "edits": edits}).status_code == status
    if status == 422:
        with pytest.raises(ConfigError):
            explorer.answer("run", {**RUN, "edits": edits})


# Errors


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConfigError("Say layer 0."), 400), (ShapeError("Too long."), 400), (TraceError("No."), 404)],
)
def test_an_error_of_the_explorer_is_told_in_its_words(error, status):
    def answer():
        raise error

    told = error_of(ask(Scripted(answer), "model", {}), status)
    assert told == {"kind": type(error).__name__, "message": str(error)}


def test_a_fault_of_ours_says_where_to_look_and_shows_nothing():
    def answer():
        raise RuntimeError("secret")

    told = error_of(ask(Scripted(answer), "model", {}), 500)
    assert told["kind"] == "Fault"
    assert "The terminal in which it runs says where" in told["message"]
    assert "secret" not in told["message"]


DEEP = b"[" * 100_000
BROKEN = [
    b"", b"{", b"nothing", b"\xff\xfe", b'{"text": "a"} {}', DEEP, b'{"query": ' + DEEP,
    b'{"query": "' + b"\\ud800" * 5 + b'"}', b'{"query": ' + b"9" * 5000 + b"}", b"null", b"[]",
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_question_is_refused(body):
    explorer = Scripted()
    headers = {"content-type": "application/json"}
    (response,) = send(explorer, ("POST", "/api/words", {"content": body, "headers": headers}))
    error = error_of(response, 422)
    assert len(error["message"]) < 1000
    assert explorer.asked == []


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        # tests/explorer/contract/test_reading.py has them all: these are the same words.
        ("run", {"text": 3}, "run: text must be a text; it is 3. What fits is at /api/openapi"),
        ("run", {"text": "a", "typo": 1}, "Unknown 'typo': run takes text, target, "),
        (
            "run",
            {"text": "a" * (LIMITS.characters + 1)},
            "A text may have 20,000 characters here; this one has 20,001. Give a part of it",
        ),
        ("effects", {"run": RUN, "part": "self", "layer": 0, "head": 0, "query": 0}, "part must"),
    ],
)
def test_parameters_that_do_not_fit_are_named(name, params, words):
    explorer = Scripted()
    error = error_of(ask(explorer, name, params), 422)
    assert error["kind"] == "WrongParameters"
    assert error["message"].startswith(f"/api/{name} was asked with parameters that do not fit: ")
    assert words in error["message"]
    assert explorer.asked == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(number):
    edit = f'{{"kind": "output_temperature", "value": {number}}}'
    body = f'{{"text": "a", "edits": [{edit}]}}'
    request = {"content": body, "headers": {"content-type": "application/json"}}
    error_of(send(Scripted(), ("POST", "/api/run", request))[0], 422)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"query": "a", "query": "b"}', "it has the key 'query' twice"),
        (b'{"query": NaN}', "it holds NaN, which is no number in JSON"),
        (b'{"query": ' + b"[" * 99 + b"]" * 99 + b"}", "it is nested more than 64 levels deep"),
        (b'{"query": "\\ud800"}', "it holds half a character"),
    ],
)
def test_a_body_that_is_not_json_is_told_why(body, words):
    explorer, headers = Scripted(), {"content-type": "application/json"}
    request = ("POST", "/api/words", {"content": body, "headers": headers})
    error = error_of(send(explorer, request)[0], 422)
    assert error["kind"] == "NotJSON"
    assert error["message"].startswith("/api/words came with a body that is not JSON: ")
    assert words in error["message"]
    assert explorer.asked == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
def test_questions_are_asked_with_post(method):
    (response,) = send(Scripted(), (method, "/api/run", {}))
    error = error_of(response, 405)
    assert error["message"] == f"{method} /api/run is not answered; use POST."
    assert response.headers["allow"] == "POST"


def test_files_are_not_posted():
    (response,) = send(Scripted(), ("POST", "/explorer.js", {"json": {}}))
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert error_of(response, 405)["kind"] == "WrongMethod"


# Many at once


def test_a_crowd_is_answered_or_refused_and_the_page_stays_open():
    open_ = threading.Event()

    def answer():
        assert open_.wait(20)
        return Answer({})

    limits = ServerLimits(at_work=2, waiting=4)
    threading.Timer(0.5, open_.set).start()
    questions = [("POST", "/api/run", {"json": RUN})] * 20
    found = send(Scripted(answer), *questions, ("GET", "/", {}), limits=limits, together=True)
    statuses = [response.status_code for response in found]
    assert (statuses.count(200), statuses.count(429)) == (7, 14)
    assert statuses[-1] == 200
    refused = next(response for response in found if response.status_code == 429)
    assert error_of(refused, 429)["kind"] == "Busy"
    assert refused.headers["retry-after"] == "1"


def test_the_page_can_be_opened_while_long_questions_are_worked_on():
    open_, answered = threading.Event(), []

    class Busy:
        def answer(self, name, params):
            if name == "overview":
                assert open_.wait(20)
            answered.append(name)
            if name == "words":
                open_.set()
            return Answer({})

    heavy = ("POST", "/api/overview", {"json": {"run": RUN, "part": "self"}})
    light = [("POST", "/api/model", {"json": {}}), ("POST", "/api/words", {"json": {"query": "a"}})]
    limits = ServerLimits(at_work=2, waiting=3)
    found = send(Busy(), *[heavy] * 5, *light, ("GET", "/", {}), limits=limits, together=True)
    assert [response.status_code for response in found] == [200] * 8
    assert answered[:2] == ["model", "words"]


def test_a_question_that_takes_too_long_is_given_up():
    limits = ServerLimits(seconds=0.1)
    response = ask(Scripted(lambda: time.sleep(0.4) or Answer({})), "model", {}, limits=limits)
    assert error_of(response, 503)["kind"] == "TooSlow"
    assert response.headers["retry-after"] == "1"


# The description


def test_the_description_names_every_question_and_every_error():
    description = get("/api/openapi.json").json()
    assert description == json.loads(json.dumps(openapi()))
    assert set(description["paths"]) == {f"/api/{name}" for name in QUESTIONS}
    for operation in description["paths"].values():
        answers = operation["post"]["responses"]
        assert set(answers) == {"200", *map(str, REASONS)}
        for status, answer in answers.items():
            assert answer["description"]
            assert ("Retry-After" in answer.get("headers", {})) == (status in ("429", "503"))


def test_neither_torch_nor_a_plotting_library_is_loaded(explorer):
    code = (
        "import sys\n"
        "from clearhead.explorer import explorer_of\n"
        "import clearhead.explorer.server.app, uvicorn\n"
        f"explorer = explorer_of({str(explorer.models.checkpoint.folder)!r})\n"
        "run = explorer.answer('run', {'text': 'the old house'}).json['request']\n"
        "explorer.answer('overview', {'run': run, 'part': 'cross'})\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    heavy = {"torch", "matplotlib", "transformers", "huggingface_hub", "pandas", "IPython"}
    assert not heavy & set(done.stdout.split())
    assert "starlette" in done.stdout.split()
