"""Silent connections to a real server are closed, and those at work are not."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

import pytest

from clearhead.explorer.contract.answers import Answer
from clearhead.explorer.server import serve
from clearhead.explorer.server.app import create_app
from clearhead.explorer.server.connections import protocol_of
from clearhead.explorer.server.limits import ServerLimits, Workers

PATIENCE = 60
SHORT = ServerLimits(header_seconds=0.2, idle_seconds=PATIENCE, body_seconds=0.2)
QUESTION = (
    b"POST /api/model HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


class Slow:
    """Answers when it is let go."""

    def __init__(self):
        self.asked, self.go = threading.Event(), threading.Event()

    def answer(self, name, params):
        self.asked.set()
        assert self.go.wait(PATIENCE)
        return Answer({"fine": True})


@contextlib.contextmanager
def running(limits, answering=None):
    """A server in a thread of this process; gives its port."""
    import uvicorn

    answering = answering or Slow()
    with serve.open_port(0) as listener:
        port = listener.getsockname()[1]
        workers = Workers(limits)
        app = create_app(answering, port=port, workers=workers)
        server = uvicorn.Server(serve.configure(app, limits))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield port
        finally:
            answering.go.set()
            server.should_exit = True
            thread.join(PATIENCE)
            workers.close()


@contextlib.contextmanager
def connected(port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        yield client


def until_closed(client):
    """All that comes before the server closes the connection."""
    found = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            found += part
    return bytes(found)


def answer_of(client):
    """One whole answer of a connection that stays open."""
    found, length = bytearray(), None
    while length is None or len(found) < length:
        part = client.recv(1 << 20)
        assert part, f"The connection was closed after {bytes(found[:200])!r}"
        found += part
        if length is None and (end := found.find(b"\r\n\r\n")) >= 0:
            announced = re.search(rb"content-length: (\d+)", found[:end], re.I)
            length = end + 4 + int(announced[1])
    head, _, body = bytes(found).partition(b"\r\n\r\n")
    return head, body


def test_who_says_nothing_is_not_held():
    with running(SHORT) as port, connected(port) as client:
        assert until_closed(client) == b""


@pytest.mark.parametrize(
    "start", [b"P", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "]
)
def test_who_stops_on_the_way_is_told_and_not_held(start):
    with running(SHORT) as port, connected(port) as client:
        client.sendall(start)
        answer = until_closed(client)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert answer.endswith(b"headers did not come in time. Send it again.")


def test_a_byte_now_and_then_does_not_hold_it_either():
    """The time counts for the whole of a request's line and headers, not from byte to byte."""
    closed = threading.Event()

    def drip(client):
        with contextlib.suppress(OSError):
            client.sendall(b"GET / HTTP/1.1\r\nX: ")
            while not closed.wait(0.02):
                client.sendall(b"x")

    with running(SHORT) as port, connected(port) as client:
        dripping = threading.Thread(target=drip, args=(client,))
        dripping.start()
        answer = until_closed(client)
        closed.set()
        dripping.join()
    # It was closed while bytes still came, so the words may be lost; the end is what counts.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_a_second_request_has_the_same_time():
    answering = Slow()
    answering.go.set()
    with running(SHORT, answering) as port, connected(port) as client:
        client.sendall(QUESTION % port)
        assert answer_of(client)[1] == b'{"fine":true}'
        client.sendall(b"POST /api/model HT")
        assert until_closed(client).startswith(b"HTTP/1.1 408 ")


def test_a_kept_connection_is_closed_when_no_request_comes():
    answering = Slow()
    answering.go.set()
    limits = ServerLimits(header_seconds=PATIENCE, idle_seconds=1)
    with running(limits, answering) as port, connected(port) as client:
        client.sendall(QUESTION % port)
        answer_of(client)
        assert until_closed(client) == b""


def test_a_body_that_does_not_come_is_not_waited_for():
    with running(SHORT) as port, connected(port) as client:
        client.sendall((QUESTION % port)[:-1])
        answer = until_closed(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body had not come whole after 0.2 seconds" in answer


def test_a_question_at_work_is_not_cut_off():
    """It takes longer than headers may."""
    answering = Slow()
    limits = ServerLimits(header_seconds=0.05)
    with running(limits, answering) as port, connected(port) as client:
        client.sendall(QUESTION % port)
        assert answering.asked.wait(PATIENCE)
        with connected(port) as other:  # which is closed after that time has passed
            until_closed(other)
        answering.go.set()
        head, body = answer_of(client)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b'{"fine":true}'


class Long(Slow):
    """Answers with more than a system takes off a program's hands."""

    def answer(self, name, params):
        return Answer({"long": "x" * 30_000_000})


def test_an_answer_that_nobody_reads_is_dropped():
    limits = ServerLimits(unread_seconds=0.2, header_seconds=2)
    with running(limits, Long()) as port, connected(port) as client:
        client.sendall(QUESTION % port)
        first = client.recv(100)
        assert first.startswith(b"HTTP/1.1 200 ")
        # While nothing is read here, another connection is opened and closed as idle.
        with connected(port) as other:
            until_closed(other)
        assert len(first) + len(until_closed(client)) < 30_000_000


def test_a_long_answer_comes_whole_to_who_reads_it():
    with running(ServerLimits(), Long()) as port, connected(port) as client:
        client.sendall(QUESTION % port)
        assert len(answer_of(client)[1]) == 30_000_000 + len('{"long":""}')


def test_there_is_a_last_connection():
    limits = ServerLimits(header_seconds=PATIENCE, connections=2, sockets=3)
    with running(limits) as port, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(port)) for _ in range(3)]
        # The fourth is closed without a word, the third is asked to wait.
        with connected(port) as fourth:
            assert until_closed(fourth) == b""
        held[2].sendall(QUESTION % port)
        assert held[2].recv(100).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x00\xff\xfe\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a browser that was told https://
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nrubbish\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET %ff%00 HTTP/1.1\r\nHost: a\r\n\r\n" + b"\xff" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
    ],
    ids=range(13),
)
def test_rubbish_is_refused_and_leaves_no_trace(rubbish, caplog):
    limits = ServerLimits(header_seconds=0.2, body_seconds=0.2, idle_seconds=1)
    with running(limits) as port, connected(port) as client:
        with contextlib.suppress(OSError):
            client.sendall(rubbish)
        answer = until_closed(client)
    statuses = re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.M)
    assert all(400 <= int(status) < 500 for status in statuses), answer
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


def test_each_server_has_its_own_limits():
    one, other = protocol_of(SHORT), protocol_of(ServerLimits())
    assert (one.limits.header_seconds, other.limits.header_seconds) == (0.2, 10.0)
