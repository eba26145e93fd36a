"""A crowd counts the answers that it gets."""

from __future__ import annotations

import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.explorer import crowd as crowd_module
from benchmarks.explorer.crowd import crowd


class Strange(BaseHTTPRequestHandler):
    """Refuses without words, answers, and cuts the connection, in turn."""

    protocol_version = "HTTP/1.1"
    turn = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).turn += 1
        if self.turn % 3 == 0:
            self.close_connection = True
            return
        content = b"{}"
        self.send_response(200 if self.turn % 3 == 1 else 500)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def strange():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Strange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_what_is_no_answer_is_counted_as_broken(strange):
    result = crowd(strange, 2, 0.3, ["a text"])
    assert set(result.statuses) == {200, 500}
    assert result.statuses[200] == len(result.seconds[200])
    assert any(words.startswith("500 without words") for words in result.broken)
    assert any("500 without words" not in words for words in result.broken)


def test_a_reader_asks_for_the_run_first():
    questions = crowd_module.questions("a text", random.Random(0))
    assert questions[0] == ("run", {"text": "a text"})
    assert len(questions) == 4


def test_memory_that_stops_growing_ends_the_warming_up(monkeypatch):
    sizes = iter([100, 150, 200, 201, 999])
    monkeypatch.setattr(crowd_module, "resident", lambda process: next(sizes))
    monkeypatch.setattr(crowd_module, "crowd", lambda *arguments: None)
    assert crowd_module.warm_up(1, 2, 3, 4.0, []) == 201
