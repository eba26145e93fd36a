"""Numbers that are none, and things in a file's place that are no such file."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from clearhead.errors import ClearheadError
from tests.faults.damage import KINDS, Kind, write_all
from tests.faults.operations import runs
from tests.faults.operations.operation import model
from tests.faults.tracer import watch
from tests.faults.troubles.row import Row

_NOBODY = 65534  # a user without rights
# Text may come from a pipe, for whose other end whoever reads it waits.
_STREAMS = ("corpus", "corpus, compressed", "scores of a corpus")


def not_a_number(base: Path) -> Row:
    """A NaN or an infinity in each weight of a model of ours, in turn."""
    from safetensors.numpy import load_file, save_file

    from clearhead.translation.checkpoint import read_checkpoint

    row = Row("NaN in weights")
    folder = Path(tempfile.mkdtemp(dir=base)) / "model"
    shutil.copytree(model(), folder)
    whole = load_file(folder / "model.safetensors")
    for value in (np.nan, np.inf):
        for name, weight in whole.items():
            spoilt = weight.copy()
            spoilt.reshape(-1)[-1] = value
            save_file(whole | {name: spoilt}, folder / "model.safetensors")
            try:
                read_checkpoint(folder)
                row.faults.append(f"{name} with {value} was read")
            except ClearheadError as error:
                row.count(name, 2, str(error))
                if name not in str(error):
                    row.faults.append(f"{name} with {value}: the message does not name it: {error}")
    return row


def not_a_number_in_the_optimizer(base: Path) -> Row:
    """A NaN or an infinity in what the optimizer knows of each weight, its checksum being right."""
    from safetensors.torch import load_file

    from clearhead.training.checkpoint import _save, states

    row = Row("NaN in an optimizer's state")
    there = Path(tempfile.mkdtemp(dir=base))
    runs.begin_stopped(there)
    path = states(there / "run")[-1] / "state.safetensors"
    whole = load_file(path)
    for number, (name, tensor) in enumerate(whole.items()):
        if number % 6 and not name.endswith(".step"):
            continue  # the same code looks at all; a sixth of the names is tried
        spoilt = tensor.clone()
        spoilt.reshape(-1)[-1] = (np.nan, np.inf)[number % 2]
        _save(whole | {name: spoilt}, path)
        outcome = watch(lambda: runs.train(there), there)
        row.count(name, outcome.status, outcome.words)
        if not outcome.status or "not finite" not in outcome.words:
            row.faults.append(f"{name}: {outcome.words[-200:]}")
    return row


# -- what is no such file --


def _pipe(path: Path, content: bytes) -> None:
    os.mkfifo(path)


def _folder(path: Path, content: bytes) -> None:
    path.mkdir()


def _dangling(path: Path, content: bytes) -> None:
    path.symlink_to("nothing")


def _loop(path: Path, content: bytes) -> None:
    path.symlink_to(path.name)


def _device(path: Path, content: bytes) -> None:
    path.symlink_to("/dev/zero")


def _unreadable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)


def _elsewhere(path: Path, content: bytes) -> None:
    other = path.with_name("elsewhere")
    other.write_bytes(content)
    path.symlink_to(other.name)


def _with_mark(path: Path, content: bytes) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + content)


def _with_carriage_returns(path: Path, content: bytes) -> None:
    path.write_bytes(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


ODDITIES: dict[str, Callable[[Path, bytes], object]] = {
    "a folder": _folder,
    "a pipe": _pipe,
    "a link to nothing": _dangling,
    "a link to itself": _loop,
    "a link to /dev/zero": _device,
    "a file that may not be read": _unreadable,
    "an empty file": lambda path, content: path.write_bytes(b""),
    "nothing": lambda path, content: None,
    "a link to the file": lambda path, content: _elsewhere(path, content),
    "a byte order mark before it": lambda path, content: path.write_bytes(
        b"\xef\xbb\xbf" + content
    ),
    "lines that end in CR LF": lambda path, content: path.write_bytes(
        content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    ),
}


def _elsewhere(path: Path, content: bytes) -> None:
    other = path.with_name("elsewhere")
    other.write_bytes(content)
    path.symlink_to(other.name)


def odd_files(base: Path) -> Row:
    """In the place of each file of every kind, something that is no such file."""
    row = Row("odd things in a file's place")
    there = Path(tempfile.mkdtemp(dir=base))
    folders = write_all(there)
    for kind in KINDS:
        whole = folders[kind.name]
        content = (whole / kind.file).read_bytes()
        for name, put in ODDITIES.items():
            if name == "a pipe" and kind.name in _STREAMS:
                continue
            damaged = whole.with_name("odd")
            shutil.rmtree(damaged, ignore_errors=True)
            shutil.copytree(whole, damaged)
            (damaged / kind.file).unlink()
            put(damaged / kind.file, content)
            _read(row, f"{kind.name}: {name}", kind, damaged, as_nobody="may not" in name)
    return row


def _read(row: Row, case: str, kind: Kind, folder: Path, *, as_nobody: bool) -> None:
    """Read the folder in a process of its own, which may lose the right to read everything."""

    def work() -> None:
        signal.alarm(60)
        if as_nobody and not os.getuid():
            os.setuid(_NOBODY)
        kind.read(folder)

    if as_nobody:
        for path in (*folder.rglob("*"), folder, folder.parent, folder.parent.parent):
            if path != folder / kind.file:
                path.chmod(0o777)
    outcome = watch(work, folder)
    row.count(case, outcome.status, outcome.words)
