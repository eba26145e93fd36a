"""The explorer's benchmark judges what it measured; a crowd counts what it met."""

from __future__ import annotations

import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import explorer, explorer_crowd
from benchmarks.explorer_crowd import Crowd, crowd

FACTS = {"processor": "p", "cores": 2, "system": "s", "libraries": {}, "quiet": True}


def test_each_limit_is_judged():
    met = Crowd(Counter({200: 3, 429: 1}), {200: [0.1, 0.2, 0.3], 429: [0.01]}, [])
    waits = {explorer.STARTED: 0.9, explorer.FIRST_HTML: 1.0, explorer.FIRST_RUN: 1.2}
    asked = {"... of which trace": 0.05, "a what-if": 0.7}
    size = {"page": 100_000, "offline": 2_000_000}
    result = explorer.result_of(waits, {}, asked, size, met, [1, 100, 130], FACTS)
    assert result["verdicts"] == [
        "first view: 1 s (limit 2: kept)",
        "a sentence's walk: 0.05 s (limit 0.1: kept)",
        "a what-if: 0.7 s (limit 0.5: MISSED)",
        "the page's own files, compressed: 100 kB (limit 400: kept)",
        "a sentence's HTML file: 2000 kB (limit 3000: kept)",
        "answers that were none, or without words: 0 in all (limit 0: kept)",
        "memory at the end: 1.3 of what it was warm (limit 1.15: MISSED)",
    ]
    crowd_table = next(t for t in result["tables"] if t["title"] == "Answers to the crowd")
    assert crowd_table["rows"] == [
        ["200", "3", "0.200", "0.200"],
        ["429", "1", "0.010", "0.010"],
    ]


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
    met = crowd(strange, 2, 0.3, ["a text"])
    assert set(met.statuses) == {200, 500}
    assert met.statuses[200] == len(met.seconds[200])
    assert any(said.startswith("500 without words") for said in met.broken)
    assert any("500 without words" not in said for said in met.broken)


def test_a_reader_asks_for_the_run_first():
    asked = explorer_crowd.questions("a text", random.Random(0))
    assert asked[0] == ("run", {"text": "a text"})
    assert len(asked) == 4


def test_memory_that_stops_growing_ends_the_warming_up(monkeypatch):
    sizes = iter([100, 150, 200, 201, 999])
    monkeypatch.setattr(explorer_crowd, "resident", lambda process: next(sizes))
    monkeypatch.setattr(explorer_crowd, "crowd", lambda *arguments: None)
    assert explorer_crowd.warm_up(1, 2, 3, 4.0, []) == 201
