"""What is fuzzed: every reader of a file or a message that may be a stranger's.

A target takes bytes. It may return, or refuse them with one of our errors, in one printable line;
anything else is a finding.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearhead.errors import ClearheadError
from tests.faults import samples


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        name: of it.
        seeds: good inputs, to begin from.
        read: reads bytes.
        is_json: whether its inputs are JSON, which is changed as such, too.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    is_json: bool = False

    def check(self, content: bytes) -> None:
        """Read the content; whatever is no refusal in one line is raised."""
        try:
            self.read(content)
        except ClearheadError as error:
            message = str(error)
            assert message.isprintable(), f"not one printable line: {message!r}"
            assert 10 < len(message) < 5000, f"not a sentence: {message!r}"


@cache
def place() -> Path:
    """A folder of whole files, removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="fuzz")
    _open.append(folder)
    return Path(folder.name)


_open: list[tempfile.TemporaryDirectory[str]] = []


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of bytes from one that reads a file."""

    def read_bytes(content: bytes) -> object:
        path = place() / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return read(path)

    return read_bytes


@cache
def _model() -> Path:
    return samples.write_model(place() / "whole model")


def _of_model(name: str) -> Callable[[bytes], object]:
    """A reader of a model of ours, one of whose files is replaced."""

    def read(content: bytes) -> object:
        from clearhead.translation.checkpoint import read_checkpoint

        folder = place() / f"model {name}"
        if not folder.exists():
            shutil.copytree(_model(), folder)
        (folder / name).write_bytes(content)
        return read_checkpoint(folder)

    return read


@cache
def _gpt2() -> Path:
    from tests.explorer.others import gpt2_folder

    (place() / "gpt2").mkdir()
    return gpt2_folder(place() / "gpt2" / "whole", layers=1, heads=2, width=8)


def _of_gpt2(name: str) -> Callable[[bytes], object]:
    def read(content: bytes) -> object:
        from clearhead.pretrained.reading import read_pretrained

        folder = place() / f"gpt2 {name}"
        if not folder.exists():
            shutil.copytree(_gpt2(), folder)
        (folder / name).write_bytes(content)
        model = read_pretrained(folder)
        if model.tokenizer is not None:
            model.tokenizer.decode(model.tokenizer.encode("the old house"))
        return model

    return read


def _tensors(path: Path) -> object:
    from clearhead.tensor_file import TensorFile

    with TensorFile(path) as file:
        return [file.raw(name) for name in file if not file.tensors[name].dtype.startswith("float")]


def _sentencepiece(content: bytes) -> object:
    from clearhead.config import TransformerConfig
    from clearhead.pretrained.tokenizers.reading import read_tokenizer

    folder = place() / "t5"
    folder.mkdir(exist_ok=True)
    (folder / "spiece.model").write_bytes(content)
    config = TransformerConfig(vocab_size=1000, encoder_layers=0, d_model=8)
    tokenizer, _ = read_tokenizer(folder, {"model_type": "t5"}, config)
    return tokenizer and tokenizer.decode(tokenizer.encode("the old house"))


def _sentencepiece_seeds() -> list[bytes]:
    from tests.pretrained.tokenizers.folders import sentencepiece_model

    return [sentencepiece_model(), sentencepiece_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)]


def _pairs(path: Path) -> object:
    from clearhead.text.corpus import read_pairs

    return [len(pair.source) for pair in read_pairs(str(path))]


def _texts(path: Path) -> object:
    from clearhead.text.corpus import read_texts

    return [len(text) for text in read_texts(str(path))]


def _trace(path: Path) -> object:
    from clearhead.reference.tracing.trace import Trace

    return [step.value.sum() for step in Trace.load(path) if step.value.size]


def _recording(path: Path) -> object:
    import clearhead

    return [one.dense() for _, one in clearhead.load_recording(path).items()]


def _saved(save: Callable[[Path], object]) -> Callable[[], list[bytes]]:
    """The seeds that something saves."""

    def seeds() -> list[bytes]:
        path = place() / "seed"
        save(path)
        return [path.read_bytes()]

    return seeds


def _save_trace(path: Path) -> None:
    import clearhead

    clearhead.trace("a", model=str(_model())).save(path)


def _sweep(path: Path) -> object:
    from tests.faults.operations import sweep_file

    return sweep_file(path.parent)


def _settings(path: Path) -> object:
    from clearhead.training.settings import Settings

    return Settings.from_toml(path)


_TOML = b"""task = "translation"
[data]
corpus = [{path = "a.tsv", passes = 1.5}]
development = "b.tsv"
max_tokens = 20
[tokenizer]
vocab_size = 300
[model]
d_model = 16
[training]
max_steps = 4
learning_rate = 0.01
"""


def _recipe(path: Path) -> object:
    from clearhead.corpora.recipe import Recipe

    return Recipe.from_toml(path)


# -- the page --


@cache
def _explorer() -> Any:
    from clearhead.explorer import explorer_of

    return explorer_of(_model())


@contextlib.contextmanager
def _no_faults() -> Iterator[None]:
    """Raise what the explorer writes into its log as a fault of its own."""
    faults: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            faults.append(self.format(record))

    handler, logger = Handler(logging.ERROR), logging.getLogger("clearhead")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert not faults, faults[0]


def _widget(content: bytes) -> object:
    from clearhead.explorer.widget import reply_to

    try:
        message = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    with _no_faults():
        reply, _ = reply_to(_explorer(), message)
    assert reply.get("error", {}).get("kind") != "Fault", reply
    return reply


@cache
def _application() -> Any:
    from clearhead.explorer.server.access import Access
    from clearhead.explorer.server.app import create_app
    from clearhead.explorer.server.limits import ServerLimits, Workers

    return create_app(
        _explorer(),
        port=8017,
        workers=Workers(ServerLimits(waiting=10_000)),
        access=Access("token", port=8017),
    )


def _http(content: bytes) -> object:
    """Ask what the first line says (method, path, more headers), with the rest as the body."""
    import httpx

    head, _, body = content.partition(b"\n")
    method, _, path = head.decode("latin-1").partition(" ")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=_application())
        headers = {"authorization": "token token", "content-type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url=_BASE, timeout=60) as client:
            return await client.request(method, path, content=body, headers=headers)

    try:
        httpx.URL(_BASE).join(path)
        method.encode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return None  # no client could send it
    if not path.startswith("/") or path.startswith("//") or not method.isalpha():
        return None
    with _no_faults():
        response = asyncio.run(ask())
    assert response.status_code not in (500, 501, 502), response.text
    if response.status_code >= 400 and method != "HEAD":
        assert "Traceback" not in response.text
    return response.status_code


_BASE = "http://127.0.0.1:8017"
_RUN = {"text": "the old house", "target": None, "sentence": 0, "beam_size": 2, "edits": []}
_QUESTIONS: dict[str, dict[str, Any]] = {
    "model": {},
    "run": _RUN,
    "words": {"query": "old"},
    "neighbours": {"token": 5, "stack": "encoder", "count": 3},
    "array": {"run": _RUN, "items": [{"path": "logits", "window": [[0, 1], [0, 5]]}]},
    "overview": {"run": _RUN, "part": "cross", "layers": None},
    "lens": {"run": _RUN, "position": 0, "token": 5, "most": 3, "count": 2},
}


def _requests() -> list[bytes]:
    asked = [
        f"POST /api/{name}\n{json.dumps(params)}".encode() for name, params in _QUESTIONS.items()
    ]
    return [*asked, b"GET /", b"GET /api/openapi.json", b"GET /explorer.js", b"HEAD /?token=token"]


def _messages() -> list[bytes]:
    return [
        json.dumps({"id": 1, "question": name, "params": params}).encode()
        for name, params in _QUESTIONS.items()
    ]


def _model_file(name: str) -> Callable[[], list[bytes]]:
    return lambda: [(_model() / name).read_bytes()]


def _gpt2_file(name: str) -> Callable[[], list[bytes]]:
    return lambda: [(_gpt2() / name).read_bytes()]


def _table(*parts: str) -> list[bytes]:
    return [part.encode() for part in parts]


TARGETS = {
    target.name: target
    for target in (
        Target("config", _model_file("config.json"), _of_model("config.json"), is_json=True),
        Target("tokenizer", _model_file("tokenizer.json"), _of_model("tokenizer.json"), True),
        Target("weights", _model_file("model.safetensors"), _of_model("model.safetensors")),
        Target("safetensors", _model_file("model.safetensors"), _file("x.safetensors", _tensors)),
        Target("transformers config", _gpt2_file("config.json"), _of_gpt2("config.json"), True),
        Target(
            "transformers tokenizer", _gpt2_file("tokenizer.json"), _of_gpt2("tokenizer.json"), True
        ),
        Target("sentencepiece", _sentencepiece_seeds, _sentencepiece),
        Target("pairs", lambda: _table("a b\tc d\ne\tf\n", "é\tè\r\n"), _file("x.tsv", _pairs)),
        Target(
            "compressed pairs", lambda: [gzip.compress(b"a b\tc d\n" * 9)], _file("x.gz", _pairs)
        ),
        Target("texts", lambda: _table("a b\n\nc\n", "é\r\n"), _file("x.txt", _texts)),
        Target("trace", _saved(_save_trace), _file("x.trace", _trace)),
        Target(
            "recording",
            _saved(lambda path: samples.recording().save(path)),
            _file("x.recording", _recording),
        ),
        Target("sweep", lambda: _sweep_seed(), _file("sweep.json", _sweep), True),
        Target("training settings", lambda: [_TOML], _file("run.toml", _settings)),
        Target("recipe", lambda: [samples.RECIPE.encode()], _file("recipe.toml", _recipe)),
        Target("http", _requests, _http),
        Target("widget", _messages, _widget, True),
    )
}


def _sweep_seed() -> list[bytes]:
    from tests.faults.operations import write_sweep

    folder = place() / "sweep"
    folder.mkdir(exist_ok=True)
    write_sweep(folder, 3)
    return [(folder / "sweep.json").read_bytes()]
