"""`clearhead explore` as a process: its port, its address, its end, and a crowd at its door."""

from __future__ import annotations

import errno
import http.client
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from benchmarks.explorer.crowd import crowd, resident, warm_up
from clearhead.errors import ConfigError
from clearhead.explorer.server import serve
from clearhead.explorer.server.limits import ServerLimits
from tests.explorer.served import served, until

CLIENTS = 50
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def request(port, method="GET", path="/", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    content = None if body is None else json.dumps(body)
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, content, headers)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


@pytest.fixture(scope="module")
def running(checkpoint):
    with served("--model", str(checkpoint.folder)) as server:
        yield server


# The port


def test_any_free_port():
    with serve.open_port(0) as one, serve.open_port(0) as other:
        assert one.getsockname()[0] == "127.0.0.1"
        assert one.getsockname()[1] != other.getsockname()[1]


def test_the_next_free_port_is_taken_where_none_was_asked_for(monkeypatch):
    with serve.open_port(0) as taken:
        monkeypatch.setattr(serve, "PORT", taken.getsockname()[1])
        with serve.open_port(None) as found:
            assert 0 < found.getsockname()[1] - serve.PORT < serve.ATTEMPTS


def test_a_port_that_was_asked_for_and_is_taken_is_an_error():
    with serve.open_port(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"Port {port} is taken\. .* with --port 0\."):
            serve.open_port(port)


def test_when_all_are_taken_they_are_named(monkeypatch):
    def listening(port):
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(serve, "_listening", listening)
    with pytest.raises(ConfigError, match="Each of the ports 8017 to 8036 is taken"):
        serve.open_port(None)


def test_a_port_that_may_not_be_used_says_why(monkeypatch):
    def listening(port):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serve, "_listening", listening)
    with pytest.raises(ConfigError, match="Port 80 failed: Permission denied"):
        serve.open_port(80)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [(None, ""), ("", ""), ("I love tea.", "#text=I%20love%20tea."),
     ("a+b & c#d/é", "#text=a%2Bb%20%26%20c%23d%2F%C3%A9")],
)  # fmt: skip
def test_the_text_travels_in_the_address(text, fragment):
    assert serve.address_of(8017, text=text) == f"http://127.0.0.1:8017/{fragment}"


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [({}, "linux", False), ({"DISPLAY": ":0"}, "linux", True), ({"BROWSER": "x"}, "linux", True),
     ({"WAYLAND_DISPLAY": "w"}, "linux", True), ({}, "darwin", True), ({}, "win32", True)],
)  # fmt: skip
def test_no_text_browser_takes_the_terminal(environment, platform, expected):
    assert serve.has_browser(environment, platform) == expected


# The process


def test_it_answers_on_the_loopback_alone(running, checkpoint):
    assert running.lines == [f"Exploring {checkpoint.folder} at {running.base}/\n"]
    assert request(running.port)[0] == 200
    status, content = request(running.port, "POST", "/api/run", {"text": "the old house"})
    assert status == 200
    assert json.loads(content)["translation"]
    elsewhere = socket.socket()
    elsewhere.settimeout(2)
    # All of 127/8 is this machine; only the one address is listened on.
    assert elsewhere.connect_ex(("127.0.0.2", running.port)) != 0
    elsewhere.close()


def test_a_long_address_and_long_headers_are_refused(running):
    limit = ServerLimits().header_bytes
    for status, content in (
        request(running.port, path=f"/{'x' * limit}"),
        request(running.port, path=f"/?{'x' * limit}"),
        request(running.port, **{"X-Long": "x" * limit}),
    ):
        assert status == 431
        message = json.loads(content)["error"]["message"]
        assert message.startswith(f"The address and the headers of a request may have {limit} ")
    assert request(running.port, path=f"/{'x' * (limit // 2)}")[0] == 404


def test_a_body_in_chunks_is_bounded_too(running):
    sent = iter([b'{"query": "'] + [b"x" * 65536] * 20 + [b'"}'])
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/words", sent, headers, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["error"]["kind"] == "TooLarge"
    connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(checkpoint, number):
    with served("--model", str(checkpoint.folder)) as server:
        # A browser keeps its connection open.
        held = socket.create_connection(("127.0.0.1", server.port))
        assert request(server.port)[0] == 200
        status, errors = server.end(number)
        held.close()
    assert status == (0 if number == signal.SIGINT else -signal.SIGTERM)
    assert errors == ""


def test_an_unknown_model_is_named_before_anything_is_served():
    with (
        pytest.raises(RuntimeError, match=r"clearhead: There is no model 'nix'"),
        served("--model", "nix"),
    ):
        pass


@linux
def test_the_first_view_takes_less_than_two_seconds_of_a_processor():
    """From the command to the page, with the bundled model. Of a processor, because tests run
    beside other work; what a clock says, benchmarks/explorer.py measures."""
    with served() as server:
        assert request(server.port)[0] == 200
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(") ")[2].split()
    taken = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    assert 0 < taken < 2, taken


# The crowd


def _serve_a_crowd(server, seconds):
    texts = [f"the old house {number} by the river" for number in range(8)]
    before = warm_up(server.port, server.process.pid, CLIENTS, seconds / 4, texts)
    found = crowd(server.port, CLIENTS, seconds, texts)
    after = resident(server.process.pid)
    until(lambda: request(server.port, "POST", "/api/model", {})[0] == 200)
    assert set(found.statuses) <= {200, 429, 503}, found.statuses
    assert not found.broken, found.broken[:3]
    assert found.statuses[200] > 0
    assert after < before * 1.15 + 8e6, (before, after)


@linux
@pytest.mark.slow
def test_fifty_clients_are_answered_or_refused_and_memory_stays_flat(running):
    _serve_a_crowd(running, 2)


@linux
@pytest.mark.heavy
def test_fifty_clients_for_a_minute_on_the_bundled_model():
    with served() as server:
        _serve_a_crowd(server, 60)
